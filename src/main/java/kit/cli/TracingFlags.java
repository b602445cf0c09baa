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
 * The flags of tracing, the same for every program: {@code --zipkin} and {@code --sample-ratio}.
 *
 * <pre>{@code
 * TracingFlags tracing = new TracingFlags(flags, "0.1", server::engine);
 * flags.parse(args);
 * TracingFlags.Traces traces = tracing.open("userservice", http.address());
 * traces.tracing().serve(http);
 * ...
 * traces.close(); // sends the remaining spans
 * }</pre>
 *
 * <p>Not thread-safe, as {@link Flags} is not; its results are.
 */
public final class TracingFlags {
  private final Supplier<Optional<URI>> zipkin;
  private final Supplier<Double> sampleRatio;
  private final Supplier<HttpEngine> engine;

  /**
   * Declares the flags; {@code ratio} is the default of {@code --sample-ratio}, 0 to 1, and spans
   * are sent by {@code engine}.
   */
  public TracingFlags(Flags flags, String ratio, Supplier<HttpEngine> engine) {
    this.engine = requireNonNull(engine, "engine");
    flags.group("Observability");
    zipkin =
        flags.optional(
            "zipkin",
            HttpAddress.TYPE.or("off"),
            "off",
            "Zipkin server for spans: http://host:port");
    sampleRatio =
        flags.optional(
            "sample-ratio", Flags.RATIO, ratio, "fraction of new traces to record, 0..1");
  }

  /** Returns whether spans are sent. */
  public boolean areOn() {
    return zipkin.get().isPresent();
  }

  /**
   * Opens the reporter, if {@code --zipkin} is given; the caller closes the result.
   *
   * @param service the name of this program in spans
   * @param local the address of this program in spans; null if there is none, see {@link
   *     ZipkinReporter}
   */
  public Traces open(String service, InetSocketAddress local) {
    Optional<ZipkinReporter> reporter =
        zipkin
            .get()
            .map(uri -> new ZipkinReporter(uri, service, local, () -> engine.get().newClient()));
    return new Traces(
        new Tracing(
            reporter.isPresent() ? sampleRatio.get() : 0,
            span -> reporter.ifPresent(it -> it.accept(span))),
        reporter);
  }

  /**
   * Tracing and its reporter. Without a reporter no span is recorded, but trace contexts are propagated.
   */
  public record Traces(Tracing tracing, Optional<ZipkinReporter> reporter)
      implements AutoCloseable {
    /** Checks that nothing is null. */
    public Traces {
      requireNonNull(tracing, "tracing");
      requireNonNull(reporter, "reporter");
    }

    /** Registers the counter {@code tracing_spans_dropped_total}; called once. */
    public void show(Metrics metrics) {
      reporter.ifPresent(
          it ->
              metrics.polledCounter(
                  "tracing_spans_dropped_total",
                  "Spans that did not reach Zipkin.",
                  samples -> samples.add(it.dropped())));
    }

    /** Sends the remaining spans, for at most 1 s. */
    @Override
    public void close() {
      reporter.ifPresent(ZipkinReporter::close);
    }

    /** Sends the remaining spans, for at most {@code timeout}. */
    public void close(Duration timeout) {
      reporter.ifPresent(it -> it.close(timeout));
    }
  }
}
