// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.net.http.HttpRequest;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.Middleware;
import kit.PeerException;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.RequestServer;
import kit.http.RequestSummary;

/**
 * Distributed tracing of requests: records a span for each served request and each attempt of a
 * call, and propagates the trace context.
 *
 * <pre>{@code
 * Tracing tracing = new Tracing(0.1, reporter); // samples a tenth of the traces started here
 *
 * tracing.serve(http); // a span for each request
 *
 * HttpEndpoint<Integer, String> endpoint = new HttpEndpoint<>(...).before(Tracing::inject);
 * Middleware<Integer, String> attempt = tracing.calls(uid -> "GET /user/{uid}", instance);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   traceparent --> serve: child of it, or a new trace
 *                     |  in the Context
 *                     v
 *                   calls: child of that, for each attempt --> inject --> traceparent
 *                     ^
 *                   local: where no request is served, such as in a command
 * </pre>
 *
 * <p>The span of a server is a child of the client's span for the attempt, so a retry shows as two
 * children of one parent. The trace id is in the {@link Context} under {@link RequestId#TRACE_ID},
 * for log lines and error responses, whether or not the trace is sampled.
 *
 * <p>Names are route templates, and tags those of Zipkin: {@code http.method}, {@code http.route},
 * {@code http.path}, {@code http.status_code}, {@code grpc.status_code} for gRPC, and {@code error}
 * for failures.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. A trace that is not sampled costs only its ids. Spans are passed to the reporter
 * on the thread of the call, so it must not block.
 *
 * <p>Equivalent in Go kit: {@code tracing/zipkin.HTTPServerTrace}, {@code HTTPClientTrace}.
 */
public final class Tracing {
  private static final String TRACEPARENT = "traceparent";
  private static final String TRACESTATE = "tracestate";

  private static final Context.Key<Here> HERE = Context.key("trace");

  /**
   * The current span.
   *
   * @param path the path of the served request; null if the span is not reported
   */
  private record Here(TraceContext trace, String path) {}

  private final double ratio;
  private final Consumer<? super Span> reporter;
  private final LongSupplier random;
  private final InstantSource clock;

  /**
   * Samples {@code ratio} (0 to 1) of the traces that start here, and all traces that callers
   * sampled.
   *
   * @param reporter receives completed spans and returns at once, such as a {@link ZipkinReporter}
   */
  public Tracing(double ratio, Consumer<? super Span> reporter) {
    this(ratio, reporter, () -> ThreadLocalRandom.current().nextLong(), InstantSource.system());
  }

  /** As above, with a source of 64 random bits and a clock for the times of spans. */
  public Tracing(
      double ratio, Consumer<? super Span> reporter, LongSupplier random, InstantSource clock) {
    this.ratio = ratio;
    this.reporter = requireNonNull(reporter, "reporter");
    this.random = requireNonNull(random, "random");
    this.clock = requireNonNull(clock, "clock");
    TraceContext.root(ratio, () -> 1); // For its check of the ratio.
  }

  /** Traces the requests that {@code server} serves, over HTTP or gRPC, and reports the spans of sampled traces. */
  public void serve(RequestServer server) {
    server.before(this::begin).onCompleted(this::end);
  }

  private Context begin(Context context, Request request) {
    TraceContext trace =
        callerOf(request)
            .map(caller -> caller.child(random))
            .orElseGet(() -> TraceContext.root(ratio, random));
    String path = trace.isSampled() ? request.target().rawPath() : null;
    return context.with(HERE, new Here(trace, path)).with(RequestId.TRACE_ID, trace.traceId());
  }

  private static Optional<TraceContext> callerOf(Request request) {
    // Of several headers none is valid.
    if (request.headers(TRACEPARENT).size() != 1) {
      return Optional.empty();
    }
    return TraceContext.parse(request.headers(TRACEPARENT).get(0), request.headers(TRACESTATE));
  }

  private void end(RequestSummary done) {
    Here here = done.context().get(HERE);
    // Null if the request was rejected before its span began.
    if (here == null || !here.trace.isSampled()) {
      return;
    }
    Map<String, String> tags = new LinkedHashMap<>();
    tags.put("http.method", done.method());
    tags.put("http.route", done.route());
    tags.put("http.path", here.path);
    tags.put("http.status_code", Integer.toString(done.status()));
    String grpcCode = done.context().get(RequestSummary.GRPC_CODE);
    if (grpcCode != null) {
      tags.put("grpc.status_code", grpcCode);
    }
    if (done.status() >= 500 || done.status() == 0) {
      tags.put("error", done.error() == null ? "" : done.error().getClass().getSimpleName());
    }
    boolean hasRoute = !done.route().equals(Request.NO_ROUTE);
    String name = hasRoute ? done.method() + " " + done.route() : done.method();
    report(here.trace, Span.Kind.SERVER, name, done.nanos(), done.remote(), tags);
  }

  private void report(
      TraceContext trace,
      Span.Kind kind,
      String name,
      long nanos,
      InetSocketAddress remote,
      Map<String, String> tags) {
    long micros = TimeUnit.NANOSECONDS.toMicros(nanos);
    long startMicros = ChronoUnit.MICROS.between(Instant.EPOCH, clock.instant()) - micros;
    reporter.accept(new Span(trace, kind, name, startMicros, micros, remote, tags));
  }

  /**
   * Returns a middleware that records a span for each attempt at {@code peer} and puts it into the
   * context for {@link #inject}.
   *
   * @param name returns the name of a span, of low cardinality: a route template
   * @param peer the called instance as {@code host:port}
   */
  public <Q, R> Middleware<Q, R> calls(Function<? super Q, String> name, String peer) {
    return spans(Span.Kind.CLIENT, name, address(peer));
  }

  /**
   * Returns a middleware that records a local span for each call, as the parent of its attempts.
   * For programs that start traces: without it, each attempt would be a trace of its own. In a
   * server, the span of the request is the parent.
   *
   * @param name as with {@link #calls}
   */
  public <Q, R> Middleware<Q, R> local(Function<? super Q, String> name) {
    return spans(Span.Kind.LOCAL, name, null);
  }

  private <Q, R> Middleware<Q, R> spans(
      Span.Kind kind, Function<? super Q, String> name, InetSocketAddress remote) {
    requireNonNull(name, "name");
    SpanOf<Q> span = new SpanOf<>(kind, name, remote);
    return next -> (context, request) -> call(span, next, context, request);
  }

  /** Records the spans of one middleware. */
  private record SpanOf<Q>(
      Span.Kind kind, Function<? super Q, String> name, InetSocketAddress remote) {}

  private <Q, R> R call(SpanOf<Q> span, Endpoint<Q, R> next, Context context, Q request)
      throws Exception {
    Here parent = context.get(HERE);
    TraceContext trace =
        parent == null ? TraceContext.root(ratio, random) : parent.trace.child(random);
    Context inner = context.with(HERE, new Here(trace, null));
    if (parent == null) {
      inner = inner.with(RequestId.TRACE_ID, trace.traceId());
    }
    if (!trace.isSampled()) {
      return next.call(inner, request);
    }
    long startedAtNanos = System.nanoTime();
    Map<String, String> tags = new LinkedHashMap<>();
    try {
      return next.call(inner, request);
    } catch (Throwable e) {
      tags.putAll(tagsOf(e));
      throw e;
    } finally {
      long nanos = System.nanoTime() - startedAtNanos;
      report(trace, span.kind(), span.name().apply(request), nanos, span.remote(), tags);
    }
  }

  private static Map<String, String> tagsOf(Throwable e) {
    if (e instanceof PeerException failure) {
      return failure.status() > 0
          ? Map.of("http.status_code", "" + failure.status(), "error", "" + failure.status())
          : Map.of("error", failure.kind().name());
    }
    return Map.of("error", e.getClass().getSimpleName());
  }

  /** Returns an unresolved address: it is for display only. */
  private static InetSocketAddress address(String peer) {
    int colon = peer.lastIndexOf(':');
    try {
      String host = peer.substring(0, colon).replaceAll("^\\[|]$", "");
      return InetSocketAddress.createUnresolved(host, Integer.parseInt(peer.substring(colon + 1)));
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      throw new IllegalArgumentException("not host:port: " + LogSafe.of(peer), e);
    }
  }

  /**
   * Writes the current trace context into the headers of a request; for {@code
   * HttpEndpoint.before}.
   */
  public static void inject(Context context, HttpRequest.Builder request) {
    Here here = context.get(HERE);
    if (here != null) {
      request.setHeader(TRACEPARENT, here.trace.traceparent());
      if (!here.trace.tracestate().isEmpty()) {
        request.setHeader(TRACESTATE, here.trace.tracestate());
      }
    }
  }
}
