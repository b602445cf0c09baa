// SPDX-License-Identifier: Apache-2.0
package kit.metrics;

import static java.lang.Double.doubleToRawLongBits;
import static java.lang.Double.longBitsToDouble;
import static java.util.Objects.requireNonNull;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * Metrics registry: counters, gauges, summaries and histograms in Prometheus' text format.
 *
 * <pre>{@code
 * Metrics metrics = new Metrics();
 * Metrics.Counter jobs = metrics.counter("jobs_total", "Jobs done.");
 * jobs.inc();
 * Metrics.Family<Metrics.Counter> requests =
 *     metrics.counterFamily("http_requests_total", "Requests served.", "method", "status");
 * requests.labels("GET", "200").inc();
 * metrics.polledGauge("queue_length", "Jobs waiting.", samples -> samples.add(queue.size()));
 * metrics.text(); // the body of GET /metrics, of the type CONTENT_TYPE
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   counter     only increases                   name
 *   gauge       increases and decreases          name
 *   summary     sum and number                   name_sum, name_count
 *   histogram   also counts per bucket           name_bucket{le="0.1"}, ...
 * </pre>
 *
 * <p>A metric without labels is one series: {@link #counter}, {@link #gauge}. With labels it is a
 * {@link Family} of series, one for each combination of values: {@link #counterFamily}. A value
 * that is kept elsewhere is polled by a callback at each scrape: {@link #polledGauge}.
 *
 * <p>A label value that clients choose (a path, a user) creates an unbounded number of series. So a
 * family has at most 1,000 series, or the number given to the constructor; further ones are
 * dropped. A callback that throws omits its own metric, not the others; one that hangs blocks the
 * scrape. {@code metrics_dropped_total} counts the uses of dropped series and the callbacks that
 * failed.
 *
 * <h2>Units</h2>
 *
 * <p>Base units, named: {@code _seconds}, {@code _bytes}; a counter's name ends in {@code _total}.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link IllegalArgumentException} for a malformed or duplicate name, a wrong number of label
 * values, and a counter that would decrease. {@code NaN} is ignored.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. Counting and observing take no lock and allocate nothing. {@link Family#labels}
 * is a look-up in a hash map; cache its result where that is too slow. A scrape reads values one
 * after the other, so they may be a few observations apart.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: Prometheus' <a
 * href="https://prometheus.io/docs/instrumenting/exposition_formats/">text format 0.0.4</a>.
 */
public final class Metrics {
  /** The media type of {@link #text}. */
  public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  /** Bounds of a histogram for the time of requests: from half a millisecond to ten seconds. */
  public static final List<Double> SECONDS =
      List.of(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1.0, 2.5, 5.0, 10.0);

  private static final Pattern HALF_A_CHARACTER = Pattern.compile("\\p{Cs}");

  private final int maxSeries;
  private final Map<String, Metric> metrics = new ConcurrentSkipListMap<>();
  private final Set<String> taken = new HashSet<>(); // Names as shown. Guarded by this.

  /** Creates a registry of at most 1,000 series per family. */
  public Metrics() {
    this(1_000); // A page of 100 kB; more is a mistake in a label.
  }

  /** Creates a registry of at most {@code maxSeries} series per family, at least 1. */
  public Metrics(int maxSeries) {
    require(maxSeries >= 1, "maxSeries < 1: " + maxSeries);
    this.maxSeries = maxSeries;
    polledCounter("metrics_dropped_total", "Values missing here.", this::lost, "metric", "reason");
  }

  private void lost(Samples samples) {
    metrics.forEach(
        (name, metric) ->
            metric.dropped.forEach((reason, count) -> samples.add(count.sum(), name, reason)));
  }

  /** Registers a counter with one series. */
  public Counter counter(String name, String help) {
    return counterFamily(name, help).labels();
  }

  /** Registers a counter for each combination of label values. */
  public Family<Counter> counterFamily(String name, String help, String... labels) {
    return register(new Family<>("counter", name, help, labels, Counter::new));
  }

  /** Registers a gauge with one series. */
  public Gauge gauge(String name, String help) {
    return gaugeFamily(name, help).labels();
  }

  /** Registers a gauge for each combination of label values. */
  public Family<Gauge> gaugeFamily(String name, String help, String... labels) {
    return register(new Family<>("gauge", name, help, labels, () -> new Gauge(0)));
  }

  /** Registers a summary with one series. */
  public Observer summary(String name, String help) {
    return summaryFamily(name, help).labels();
  }

  /** Registers a summary for each combination of label values. */
  public Family<Observer> summaryFamily(String name, String help, String... labels) {
    return register(new Family<>("summary", name, help, labels, () -> new Observer(List.of())));
  }

  /** Registers a histogram with one series; the bounds are as in {@link #histogramFamily}. */
  public Observer histogram(String name, String help, List<Double> bounds) {
    return histogramFamily(name, help, bounds).labels();
  }

  /**
   * Registers a histogram for each combination of label values.
   *
   * @param bounds the upper bounds of all buckets except the last, ascending; see {@link #SECONDS}
   */
  public Family<Observer> histogramFamily(
      String name, String help, List<Double> bounds, String... labels) {
    require(!bounds.isEmpty(), "no bounds for " + name);
    List<Double> copy = List.copyOf(bounds);
    return register(new Family<>("histogram", name, help, labels, () -> new Observer(copy)));
  }

  /** Registers a counter whose series {@code poll} adds at each scrape. */
  public void polledCounter(String name, String help, Consumer<Samples> poll, String... labels) {
    register(new Callback("counter", name, help, labels, poll));
  }

  /** Registers a gauge whose series {@code poll} adds at each scrape. */
  public void polledGauge(String name, String help, Consumer<Samples> poll, String... labels) {
    register(new Callback("gauge", name, help, labels, poll));
  }

  private synchronized <M extends Metric> M register(M metric) {
    Set<String> names = metric.shownNames();
    require(names.stream().noneMatch(taken::contains), "taken by another metric: one of " + names);
    taken.addAll(names);
    metrics.put(metric.name, metric);
    return metric;
  }

  /** Returns all metrics, sorted by name and labels, without those that have no series. */
  public String text() {
    StringBuilder out = new StringBuilder(8_192);
    for (Metric metric : metrics.values()) {
      int start = out.length();
      try {
        metric.write(out);
      } catch (Throwable e) { // The other metrics are still needed.
        out.setLength(start);
        metric.drop("callback failed");
      }
    }
    return out.toString();
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }

  /** Collects the values of a callback. */
  public interface Samples {
    /** Adds a series; {@code labels} are its label values, which must be new in this scrape. */
    void add(double value, String... labels);
  }

  private abstract static class Metric {
    final String type;
    final String name;
    final String help;
    final List<String> labels;
    final Map<String, LongAdder> dropped = new ConcurrentHashMap<>(); // By reason.

    Metric(String type, String name, String help, String[] labels) {
      this.type = type;
      this.name = name;
      this.help = requireNonNull(help, "help");
      this.labels = List.of(labels);
      require(name.matches("[a-zA-Z_:][a-zA-Z0-9_:]*"), "not a name for a metric: " + name);
      Set<String> distinct = new HashSet<>(Set.of("le", "quantile")); // The format's own.
      for (String label : labels) {
        boolean isNew = label.matches("(?!__)[a-zA-Z_][a-zA-Z0-9_]*") && distinct.add(label);
        require(isNew, "not a label for " + name + ": " + label);
      }
    }

    void drop(String reason) {
      dropped.computeIfAbsent(reason, key -> new LongAdder()).increment();
    }

    Set<String> shownNames() {
      return switch (type) {
        case "summary" -> Set.of(name, name + "_sum", name + "_count");
        case "histogram" -> Set.of(name, name + "_sum", name + "_count", name + "_bucket");
        default -> Set.of(name);
      };
    }

    /** Returns the series by their label values as shown. */
    abstract Map<String, ? extends Series> series();

    void write(StringBuilder out) {
      Map<String, ? extends Series> series = series();
      if (!series.isEmpty()) {
        out.append("# HELP %s %s\n# TYPE %s %s\n".formatted(name, escaped(help), name, type));
        series.forEach((shown, one) -> one.write(new Lines(out, name, shown)));
      }
    }

    /** Returns {@code a="x",b="y"}. */
    String shown(List<String> values) {
      if (values.size() != labels.size()) {
        throw new IllegalArgumentException("labels of " + name + " are " + labels + ": " + values);
      }
      StringJoiner shown = new StringJoiner(",");
      for (int i = 0; i < labels.size(); i++) {
        shown.add(labels.get(i) + "=\"" + escaped(values.get(i)).replace("\"", "\\\"") + '"');
      }
      return shown.toString();
    }

    private static String escaped(String text) {
      return HALF_A_CHARACTER // UTF-8 has no bytes for it, so series would become the same.
          .matcher(text.replace("\\", "\\\\").replace("\n", "\\n"))
          .replaceAll(half -> String.format("\\\\\\\\u%04x", (int) half.group().charAt(0)));
    }
  }

  /** The series of one metric, one for each combination of label values. */
  public final class Family<S extends Series> extends Metric {
    private final Supplier<S> factory;
    private final Map<List<String>, S> known = new ConcurrentHashMap<>();
    private final S hidden; // Receives the uses of dropped series.

    private Family(String type, String name, String help, String[] labels, Supplier<S> factory) {
      super(type, name, help, labels);
      this.factory = factory;
      this.hidden = factory.get();
    }

    /** Returns the series with these values, in the order in which the labels were given. */
    public S labels(String... values) {
      S series = known.get(Arrays.asList(values));
      return series != null ? series : create(List.of(values));
    }

    private S create(List<String> values) {
      shown(values); // Checks them.
      synchronized (this) {
        if (known.size() < maxSeries || known.containsKey(values)) {
          return known.computeIfAbsent(values, key -> factory.get());
        }
      }
      drop("too many series");
      return hidden;
    }

    @Override
    Map<String, S> series() {
      Map<String, S> sorted = new TreeMap<>();
      known.forEach((values, series) -> sorted.put(shown(values), series));
      return sorted;
    }
  }

  private final class Callback extends Metric {
    private final Consumer<Samples> callback;

    Callback(String type, String name, String help, String[] labels, Consumer<Samples> callback) {
      super(type, name, help, labels);
      this.callback = requireNonNull(callback, "callback");
    }

    @Override
    Map<String, Gauge> series() {
      Map<String, Gauge> sorted = new TreeMap<>();
      callback.accept((value, values) -> add(sorted, value, shown(Arrays.asList(values))));
      return sorted;
    }

    private void add(Map<String, Gauge> sorted, double value, String labels) {
      if (sorted.size() >= maxSeries) {
        drop("too many series");
      } else if (sorted.putIfAbsent(labels, new Gauge(value)) != null) {
        throw new IllegalArgumentException("series twice: " + labels);
      }
    }
  }

  private record Lines(StringBuilder out, String name, String labels) {
    void add(String suffix, String bound, double value) {
      out.append(name).append(suffix);
      if (!labels.isEmpty() || !bound.isEmpty()) {
        String comma = labels.isEmpty() || bound.isEmpty() ? "" : ",";
        out.append('{').append(labels).append(comma).append(bound).append('}');
      }
      out.append(' ');
      if (value == (long) value && Math.abs(value) < 1e15) {
        out.append((long) value);
      } else if (Double.isInfinite(value)) {
        out.append(value > 0 ? "+Inf" : "-Inf");
      } else {
        out.append(value); // NaN and 1.0E-5 are as Prometheus wants them.
      }
      out.append('\n');
    }
  }

  /** Series of a metric: one combination of label values. */
  public abstract static sealed class Series permits Counter, Gauge, Observer {
    abstract void write(Lines lines);
  }

  /** Counter: a number that only increases, from 0 at the start of the process. */
  public static final class Counter extends Series {
    private final LongAdder ones = new LongAdder();
    private final DoubleAdder amounts = new DoubleAdder();

    private Counter() {}

    /** Adds 1. */
    public void inc() {
      ones.increment();
    }

    /** Adds {@code amount}, which is 0 or more. */
    public void add(double amount) {
      if (!(amount >= 0 && amount < Double.POSITIVE_INFINITY)) { // NaN is neither.
        throw new IllegalArgumentException("a counter cannot go up by " + amount);
      }
      amounts.add(amount);
    }

    @Override
    void write(Lines lines) {
      lines.add("", "", ones.sum() + amounts.sum());
    }
  }

  /** Gauge: a number that increases and decreases. */
  public static final class Gauge extends Series {
    private final AtomicLong bits; // Of a double, as the JDK has no atomic one.

    private Gauge(double value) {
      bits = new AtomicLong(doubleToRawLongBits(value));
    }

    /** Sets the value. */
    public void set(double value) {
      bits.set(doubleToRawLongBits(value));
    }

    /** Adds {@code amount}, which may be negative. */
    public void add(double amount) {
      bits.accumulateAndGet(
          doubleToRawLongBits(amount),
          (one, other) -> doubleToRawLongBits(longBitsToDouble(one) + longBitsToDouble(other)));
    }

    @Override
    void write(Lines lines) {
      lines.add("", "", longBitsToDouble(bits.get()));
    }
  }

  /** Series of a summary or a histogram: sums observed values and counts them by bucket. */
  public static final class Observer extends Series {
    private final double[] bounds; // None in a summary.
    private final LongAdder[] counts; // One for each bound, and one for what is above.
    private final DoubleAdder sum = new DoubleAdder();

    private Observer(List<Double> bounds) {
      this.bounds = bounds.stream().mapToDouble(bound -> bound).toArray();
      this.counts = new LongAdder[bounds.size() + 1];
      List<Double> sorted = bounds.stream().filter(Double::isFinite).sorted().distinct().toList();
      require(sorted.equals(bounds), "bounds not ascending and finite: " + bounds);
      Arrays.setAll(counts, i -> new LongAdder());
    }

    /** Observes a value; {@code NaN} is ignored. */
    public void observe(double value) {
      if (!Double.isNaN(value)) {
        int bucket = 0;
        while (bucket < bounds.length && value > bounds[bucket]) { // Few, the likely ones first.
          bucket++;
        }
        counts[bucket].increment();
        sum.add(value);
      }
    }

    @Override
    void write(Lines lines) {
      long count = 0;
      for (int i = 0; i < counts.length; i++) {
        count += counts[i].sum();
        if (bounds.length > 0) {
          String bound = i < bounds.length ? plain(bounds[i]) : "+Inf";
          lines.add("_bucket", "le=\"" + bound + '"', count);
        }
      }
      lines.add("_sum", "", sum.sum());
      lines.add("_count", "", count); // Not counted apart: it has to be that of +Inf.
    }

    private static String plain(double bound) { // As others write it: 0.0005, not 5.0E-4.
      return BigDecimal.valueOf(bound).stripTrailingZeros().toPlainString();
    }
  }
}
