// SPDX-License-Identifier: Apache-2.0
package kit.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Race;

class MetricsTest {
  private final Metrics metrics = new Metrics();

  @Test
  void loneSurrogateInALabelIsEscapedSoThatSeriesDiffer() {
    Metrics metrics = new Metrics();
    Metrics.Family<Metrics.Counter> calls =
        metrics.counterFamily("calls_total", "Calls \ud800.", "a");
    calls.labels("x\ud800").inc();
    calls.labels("x\udc01y").inc();
    calls.labels("\ud83d\ude00").inc();
    assertThat(metrics.text())
        .contains("# HELP calls_total Calls \\\\ud800.\n")
        .contains("calls_total{a=\"x\\\\ud800\"} 1\n")
        .contains("calls_total{a=\"x\\\\udc01y\"} 1\n")
        .contains("calls_total{a=\"\ud83d\ude00\"} 1\n");
  }

  @Test
  void textIsInPrometheusFormat() {
    Metrics.Family<Metrics.Counter> requests =
        metrics.counterFamily("requests_total", "Requests answered.", "method", "status");
    requests.labels("GET", "404").inc();
    requests.labels("DELETE", "200").add(2.5);
    requests.labels("GET", "200").inc();
    requests.labels("GET", "200").inc();
    metrics.gauge("temperature_celsius", "How warm it is.").set(-3.25);
    Metrics.Observer sizes = metrics.summary("size_bytes", "Sizes.");
    sizes.observe(10);
    sizes.observe(20.5);
    Metrics.Observer times =
        metrics
            .histogramFamily("duration_seconds", "Times.", List.of(.0005, 0.1, 1.0), "route")
            .labels("/user/{uid:\\d+}");
    for (double seconds : new double[] {.0005, .05, .1, .5, 7}) {
      times.observe(seconds);
    }

    assertThat(metrics.text())
        .isEqualTo(
            """
            # HELP duration_seconds Times.
            # TYPE duration_seconds histogram
            duration_seconds_bucket{route="/user/{uid:\\\\d+}",le="0.0005"} 1
            duration_seconds_bucket{route="/user/{uid:\\\\d+}",le="0.1"} 3
            duration_seconds_bucket{route="/user/{uid:\\\\d+}",le="1"} 4
            duration_seconds_bucket{route="/user/{uid:\\\\d+}",le="+Inf"} 5
            duration_seconds_sum{route="/user/{uid:\\\\d+}"} 7.6505
            duration_seconds_count{route="/user/{uid:\\\\d+}"} 5
            # HELP requests_total Requests answered.
            # TYPE requests_total counter
            requests_total{method="DELETE",status="200"} 2.5
            requests_total{method="GET",status="200"} 2
            requests_total{method="GET",status="404"} 1
            # HELP size_bytes Sizes.
            # TYPE size_bytes summary
            size_bytes_sum 30.5
            size_bytes_count 2
            # HELP temperature_celsius How warm it is.
            # TYPE temperature_celsius gauge
            temperature_celsius -3.25
            """);
  }

  @Test
  void histogramWithoutLabelsHasOneForItsBounds() {
    metrics.histogram("h", "H.", List.of(2.0)).observe(3);

    assertThat(metrics.text())
        .contains("h_bucket{le=\"2\"} 0\nh_bucket{le=\"+Inf\"} 1\nh_sum 3\nh_count 1\n");
  }

  @Test
  void seriesIsShownAsZeroFromItsFirstLookUp() {
    metrics.counter("jobs_total", "Jobs.");

    assertThat(metrics.text()).endsWith("jobs_total 0\n");
  }

  @Test
  void familyWithoutSeriesIsLeftOut() {
    metrics.counterFamily("jobs_total", "Jobs.", "kind");
    metrics.polledGauge("empty", "None.", samples -> {}, "name");

    assertThat(metrics.text()).isEmpty();
  }

  @Test
  void helpAndLabelValuesAreEscaped() {
    metrics
        .gaugeFamily("odd", "Line one\nand \"two\" \\ three", "value")
        .labels("a\\b\"c\nd\u00e9\u20ac{},=# e")
        .set(1);

    assertThat(metrics.text())
        .isEqualTo(
            "# HELP odd Line one\\nand \"two\" \\\\ three\n"
                + "# TYPE odd gauge\n"
                + "odd{value=\"a\\\\b\\\"c\\nd\u00e9\u20ac{},=# e\"} 1\n");
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          0.0,                    0
          -0.0,                   0
          1.0,                    1
          -17,                    -17
          0.1,                    0.1
          123456789012345,        123456789012345
          1e300,                  1.0E300
          1.5e-7,                 1.5E-7
          NaN,                    NaN
          Infinity,               +Inf
          -Infinity,              -Inf
          """)
  void numbersAreParsableByGo(double value, String shown) {
    metrics.polledGauge("g", "G.", samples -> samples.add(value));

    assertThat(metrics.text()).endsWith("\ng " + shown + "\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1st", "with-dash", "with space", "\u00e9", "a\nb", "a{b}"})
  void invalidNamesAreRejected(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metrics.counter(name, "H."))
        .withMessage("not a name for a metric: " + name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1st", "with-dash", "with:colon", "__internal", "le", "quantile"})
  void invalidLabelsAreRejected(String label) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metrics.gaugeFamily("g", "H.", "good", label))
        .withMessage("not a label for g: " + label);
  }

  @Test
  void duplicateLabelIsRejected() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metrics.gaugeFamily("g", "H.", "a", "b", "a"))
        .withMessage("not a label for g: a");
  }

  @Test
  void duplicateNameIsRejected() {
    metrics.counter("a_total", "A.");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> metrics.polledGauge("a_total", "A.", samples -> samples.add(1)))
        .withMessage("taken by another metric: one of [a_total]");
  }

  @Test
  void derivedNamesOfHistogramsAndSummariesAreReserved() {
    metrics.histogram("h", "H.", Metrics.SECONDS);
    metrics.gauge("s_count", "Before.");

    for (String name : List.of("h", "h_bucket", "h_sum", "h_count")) {
      assertThatIllegalArgumentException().isThrownBy(() -> metrics.gauge(name, "G."));
    }
    assertThatIllegalArgumentException().isThrownBy(() -> metrics.summary("s", "S."));
    metrics.gauge("s_bucket", "Is free.");
    metrics.gauge("s", "Is free still: the refused one has left nothing behind.");
  }

  @Test
  void eachLabelTakesOneValue() {
    Metrics.Family<Metrics.Counter> family = metrics.counterFamily("c_total", "C.", "a", "b");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> family.labels("1"))
        .withMessage("labels of c_total are [a, b]: [1]");
    assertThatIllegalArgumentException().isThrownBy(() -> family.labels("1", "2", "3"));
    assertThatIllegalArgumentException().isThrownBy(family::labels);
    assertThatNullPointerException().isThrownBy(() -> family.labels("1", null));
  }

  @Test
  void equalLabelValuesAreOneSeries() {
    Metrics.Family<Metrics.Counter> family = metrics.counterFamily("c_total", "C.", "a", "b");
    String[] values = {"1", "2"};
    Metrics.Counter first = family.labels(values);
    values[1] = "3"; // go-kit/kit#1296: siblings that share their labels overwrite each other.

    assertThat(family.labels("1", "2")).isSameAs(first);
    assertThat(family.labels("1", "3")).isNotSameAs(first);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1, -0.1, Double.NaN, Double.POSITIVE_INFINITY})
  void counterOnlyGoesUp(double amount) {
    Metrics.Counter counter = metrics.counter("c_total", "C.");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> counter.add(amount))
        .withMessage("a counter cannot go up by " + amount);
  }

  @Test
  void gaugeGoesUpAndDown() {
    Metrics.Gauge gauge = metrics.gauge("g", "G.");
    gauge.set(10);
    gauge.add(2.5);
    gauge.add(-20);

    assertThat(metrics.text()).endsWith("\ng -7.5\n");
  }

  @Test
  void nanIsNotObserved() {
    Metrics.Observer summary = metrics.summary("s", "S.");
    Metrics.Observer histogram = metrics.histogram("h", "H.", List.of(1.0));
    for (Metrics.Observer observer : List.of(summary, histogram)) {
      observer.observe(2);
      observer.observe(Double.NaN);
    }

    assertThat(metrics.text()).contains("s_sum 2\ns_count 1\n", "h_sum 2\nh_count 1\n");
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          1;1
          2;1
          1;NaN
          1;Infinity
          -Infinity;1
          """)
  void boundsAscendAndAreFinite(String text) {
    List<Double> bounds = List.of(text.split(";")).stream().map(Double::valueOf).toList();

    assertThatIllegalArgumentException()
        .isThrownBy(() -> metrics.histogram("h", "H.", bounds))
        .withMessage("bounds not ascending and finite: " + bounds);
  }

  @Test
  void histogramHasBounds() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> metrics.histogram("h", "H.", List.of()))
        .withMessage("no bounds for h");
  }

  @Test
  void callbacksAreCalledAtEachScrape() {
    AtomicInteger asked = new AtomicInteger();
    metrics.polledGauge("asked", "How often.", samples -> samples.add(asked.incrementAndGet()));
    metrics.polledCounter(
        "twice_asked_total", "Twice as often.", samples -> samples.add(2 * asked.get()));
    metrics.polledGauge(
        "by_name",
        "One for each.",
        samples -> {
          samples.add(2, "b");
          samples.add(1, "a");
        },
        "name");

    assertThat(metrics.text()).contains("\nasked 1\n", "\ntwice_asked_total 2\n");
    assertThat(metrics.text())
        .contains("\nasked 2\n", "\ntwice_asked_total 4\n")
        .contains("# TYPE by_name gauge\nby_name{name=\"a\"} 1\nby_name{name=\"b\"} 2\n")
        .contains("# TYPE twice_asked_total counter\n");
  }

  @Test
  void failingCallbackOmitsOnlyItsOwnMetric() {
    metrics.polledGauge("a", "A.", samples -> samples.add(1));
    metrics.polledGauge(
        "bad",
        "B.",
        samples -> {
          throw new IllegalStateException("no answer");
        });
    metrics.polledGauge(
        "half",
        "H.",
        samples -> {
          samples.add(1, "x");
          throw new NoClassDefFoundError("com/example/Missing");
        },
        "name");
    metrics.polledGauge(
        "double",
        "D.",
        samples -> {
          samples.add(1, "x");
          samples.add(2, "x");
        },
        "name");
    metrics.polledGauge("labels", "L.", samples -> samples.add(1, "x", "y"), "name");
    metrics.polledGauge("null", "N.", samples -> samples.add(1, (String) null), "name");
    metrics.polledGauge("z", "Z.", samples -> samples.add(2));

    metrics.text();
    assertThat(metrics.text())
        .isEqualTo(
            """
            # HELP a A.
            # TYPE a gauge
            a 1
            # HELP metrics_dropped_total Values missing here.
            # TYPE metrics_dropped_total counter
            metrics_dropped_total{metric="bad",reason="callback failed"} 2
            metrics_dropped_total{metric="double",reason="callback failed"} 2
            metrics_dropped_total{metric="half",reason="callback failed"} 2
            metrics_dropped_total{metric="labels",reason="callback failed"} 2
            metrics_dropped_total{metric="null",reason="callback failed"} 1
            # HELP z Z.
            # TYPE z gauge
            z 2
            """);
  }

  @Test
  void seriesBeyondTheLimitAreCountedButNotShown() {
    Metrics small = new Metrics(2);
    Metrics.Family<Metrics.Counter> paths = small.counterFamily("c_total", "C.", "path");
    for (String path : List.of("/a", "/b", "/c", "/d", "/a", "/c")) {
      paths.labels(path).inc();
    }
    small.polledGauge(
        "g",
        "G.",
        samples -> {
          samples.add(1, "1");
          samples.add(2, "2");
          samples.add(3, "3");
        },
        "number");

    assertThat(small.text())
        .contains("c_total{path=\"/a\"} 2\nc_total{path=\"/b\"} 1\n")
        .contains("g{number=\"1\"} 1\ng{number=\"2\"} 2\n")
        .contains("metrics_dropped_total{metric=\"c_total\",reason=\"too many series\"} 3\n")
        .contains("metrics_dropped_total{metric=\"g\",reason=\"too many series\"} 1\n")
        .doesNotContain("/c", "/d", "\"3\"");
    assertThatIllegalArgumentException().isThrownBy(() -> paths.labels("one", "too many"));
  }

  @Test
  void thereIsRoomForOneSeriesAtLeast() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Metrics(0))
        .withMessage("maxSeries < 1: 0");
  }

  @Test
  void concurrentUpdatesAreNotLost() throws Exception {
    Metrics.Family<Metrics.Counter> counters = metrics.counterFamily("c_total", "C.", "kind");
    Metrics.Gauge gauge = metrics.gauge("g", "G.");
    Metrics.Observer histogram = metrics.histogram("h", "H.", List.of(1.0, 2.0));
    int rounds = 10_000;
    Race.runNumbered(
        8,
        thread -> {
          for (int i = 0; i < rounds; i++) {
            counters.labels(i % 2 == 0 ? "even" : "odd").inc();
            counters.labels("halves").add(0.5);
            gauge.add(i % 2 == 0 ? 3 : -2);
            histogram.observe(i % 4);
            if (i % 1_000 == 0) {
              assertThat(metrics.text()).contains("c_total{kind=\"even\"} ");
            }
          }
          return null;
        });

    assertThat(metrics.text())
        .contains("c_total{kind=\"even\"} 40000\n", "c_total{kind=\"odd\"} 40000\n")
        .contains("c_total{kind=\"halves\"} 40000\n")
        .contains("\ng 40000\n")
        .contains("h_bucket{le=\"1\"} 40000\n", "h_bucket{le=\"2\"} 60000\n")
        .contains("h_bucket{le=\"+Inf\"} 80000\n", "h_sum 120000\nh_count 80000\n");
  }

  @Test
  void threadsAgreeOnASeriesAndOnTheLimit() throws Exception {
    Metrics small = new Metrics(100);
    Metrics.Family<Metrics.Counter> family = small.counterFamily("c_total", "C.", "number");
    List<List<Metrics.Counter>> seen =
        Race.run(
            8,
            () -> {
              List<Metrics.Counter> counters = new ArrayList<>();
              for (int i = 0; i < 200; i++) {
                counters.add(family.labels(Integer.toString(i)));
              }
              return counters;
            });

    assertThat(seen).allSatisfy(counters -> assertThat(counters).isEqualTo(seen.get(0)));
    assertThat(small.text().lines().filter(line -> line.startsWith("c_total{"))).hasSize(100);
  }

  @Test
  void bucketsNeverExceedTheCountInAScrape() throws Exception {
    Metrics.Observer histogram = metrics.histogram("h", "H.", List.of(1.0));
    Race.runNumbered(
        4,
        thread -> {
          for (int i = 0; i < 2_000; i++) {
            if (thread > 0) {
              histogram.observe(thread);
            } else if (i % 20 == 0) {
              assertThat(metrics.text())
                  .containsPattern("le=\"\\+Inf\"} (\\d+)\n.*\nh_count \\1\n");
            }
          }
          return null;
        });
  }

  @Test
  void countingAndObservingAllocateNothing() {
    Metrics.Counter counter = metrics.counter("c_total", "C.");
    Metrics.Gauge gauge = metrics.gauge("g", "G.");
    Metrics.Observer histogram = metrics.histogram("h", "H.", Metrics.SECONDS);
    Runnable work =
        () -> {
          for (int i = 0; i < 100_000; i++) {
            counter.inc();
            counter.add(1.5);
            gauge.add(1);
            histogram.observe(i / 1e4);
          }
        };
    work.run();
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();

    // Less than a byte a round: what is left is the measurement itself.
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(100_000);
  }
}
