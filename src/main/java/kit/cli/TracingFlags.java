// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import kit.metrics.Metrics;
import kit.tracing.Tracing;
import kit.tracing.ZipkinReporter;

/**
 * The flags that say where traces are sent, and how many of them: {@code --zipkin} and {@code
 * --sample-ratio}, the same for every program.
 *
 * <pre>{@code
 * TracingFlags tracing = new TracingFlags(flags, "0.1");
 * flags.parse(args);
 * TracingFlags.Traces traces = tracing.open("userservice", http.address());
 * traces.tracing().serve(http);
 * ...
 * traces.close(); // sends what it still has
 * }</pre>
 *
 * <p>Not thread-safe, as {@link Flags} is not; what it opens is.
 */
public final class TracingFlags {
  private final Supplier<Optional<URI>> zipkin;
  private final Supplier<Double> sampleRatio;

  /** Declares them; {@code ratio} is the default of {@code --sample-ratio}, 0 to 1. */
  public TracingFlags(Flags flags, String ratio) {
    zipkin = flags.optional("zipkin", HttpAddress.TYPE.or("off"), "off", "where traces are sent");
    sampleRatio =
        flags.optional(
            "sample-ratio", Flags.RATIO, ratio, "share of the traces begun here that are sent");
  }

  /** Whether traces are sent anywhere. */
  public boolean areOn() {
    return zipkin.get().isPresent();
  }

  /**
   * Begins to send, if there is anywhere to send to; the caller closes the result.
   *
   * @param service the name under which our spans are shown
   * @param local the address by which others call the program; null if there is none, see {@link
   *     ZipkinReporter}
   */
  public Traces open(String service, InetSocketAddress local) {
    Optional<ZipkinReporter> reporter =
        zipkin.get().map(uri -> new ZipkinReporter(uri, service, local));
    return new Traces(
        new Tracing(
            reporter.isPresent() ? sampleRatio.get() : 0,
            span -> reporter.ifPresent(it -> it.accept(span))),
        reporter);
  }

  /**
   * Spans, and what sends them. Without a reporter none is recorded, and traces pass through all the
   * same.
   */
  public record Traces(Tracing tracing, Optional<ZipkinReporter> reporter)
      implements AutoCloseable {
    /** Checks that nothing is missing. */
    public Traces {
      requireNonNull(tracing, "tracing");
      requireNonNull(reporter, "reporter");
    }

    /** Shows how many spans were lost, as {@code tracing_spans_dropped_total}; once. */
    public void show(Metrics metrics) {
      reporter.ifPresent(
          it ->
              metrics.polledCounter(
                  "tracing_spans_dropped_total",
                  "Spans that did not reach Zipkin.",
                  samples -> samples.add(it.dropped())));
    }

    /** Sends what is waiting, for a second at most. */
    @Override
    public void close() {
      reporter.ifPresent(ZipkinReporter::close);
    }

    /** As above, for {@code patience} at most. */
    public void close(Duration patience) {
      reporter.ifPresent(it -> it.close(patience));
    }
  }
}
