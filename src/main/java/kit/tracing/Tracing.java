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
import kit.http.RequestSummary;
import kit.http.server.HttpService;

/**
 * Follows a request from service to service: one span for each request served, one for each attempt
 * of a call, all under the trace id of whoever began.
 *
 * <pre>{@code
 * Tracing tracing = new Tracing(0.1, reporter); // records every tenth trace that begins here
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
 *                   local: where there is no request that is served, such as in a command
 * </pre>
 *
 * <p>Each span of a server is one of its own, the child of the client's span for the attempt, so a
 * retry shows as two children of one parent. The trace id is in the {@link Context} under {@link
 * RequestId#TRACE_ID}, for log lines and problem answers, whether or not the trace is recorded.
 *
 * <p>Names are route templates, and tags those of Zipkin: {@code http.method}, {@code http.route},
 * {@code http.path}, {@code http.status_code}, and {@code error} for what failed.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads. A trace that is not recorded costs its ids and nothing else.
 * Spans are handed to the reporter on the thread of the call, which must not wait.
 *
 * <p>Go kit's words: {@code tracing/zipkin.HTTPServerTrace}, {@code HTTPClientTrace}.
 */
public final class Tracing {
  private static final String TRACEPARENT = "traceparent";
  private static final String TRACESTATE = "tracestate";

  private static final Context.Key<Here> HERE = Context.key("trace");

  /**
   * Where in the trace we are.
   *
   * @param path of the request served; null if nobody will want it
   */
  private record Here(TraceContext trace, String path) {}

  private final double ratio;
  private final Consumer<? super Span> reporter;
  private final LongSupplier random;
  private final InstantSource clock;

  /**
   * Records {@code ratio} (0 to 1) of the traces that begin here, and those that others have begun
   * to record.
   *
   * @param reporter takes spans that are over, and returns at once; a {@link ZipkinReporter}, say
   */
  public Tracing(double ratio, Consumer<? super Span> reporter) {
    this(ratio, reporter, () -> ThreadLocalRandom.current().nextLong(), InstantSource.system());
  }

  /** As above; {@code random} draws any 64 bits, {@code clock} says when spans have ended. */
  public Tracing(
      double ratio, Consumer<? super Span> reporter, LongSupplier random, InstantSource clock) {
    this.ratio = ratio;
    this.reporter = requireNonNull(reporter, "reporter");
    this.random = requireNonNull(random, "random");
    this.clock = requireNonNull(clock, "clock");
    TraceContext.root(ratio, () -> 1); // For its check of the ratio.
  }

  /** Has each request of {@code http} belong to a trace, and reports those that are recorded. */
  public void serve(HttpService http) {
    http.before(this::begin).onCompleted(this::end);
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
    // Two of them, or none. One of two would be a guess.
    if (request.headers(TRACEPARENT).size() != 1) {
      return Optional.empty();
    }
    return TraceContext.parse(request.headers(TRACEPARENT).get(0), request.headers(TRACESTATE));
  }

  private void end(RequestSummary done) {
    Here here = done.context().get(HERE);
    if (here == null || !here.trace.isSampled()) { // Null if it was refused before it began.
      return;
    }
    Map<String, String> tags = new LinkedHashMap<>();
    tags.put("http.method", done.method());
    tags.put("http.route", done.route());
    tags.put("http.path", here.path);
    tags.put("http.status_code", Integer.toString(done.status()));
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
   * Returns a middleware that makes each attempt at {@code peer} a span, and puts it in the context,
   * where {@link #inject} finds it.
   *
   * @param name makes the name of a span: a route template, with few values in all
   * @param peer the instance that is called, as {@code host:port}
   */
  public <Q, R> Middleware<Q, R> calls(Function<? super Q, String> name, String peer) {
    return spans(Span.Kind.CLIENT, name, address(peer));
  }

  /**
   * Returns a middleware that makes each call a span within this program, under which its attempts
   * stand. For programs that begin traces: without it, each attempt would be a trace of its own. In a
   * server the span of the request holds them together.
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

  /** What the spans of one middleware have in common. */
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

  /** An address that is not looked up: it is for people to read. */
  private static InetSocketAddress address(String peer) {
    int colon = peer.lastIndexOf(':');
    try {
      String host = peer.substring(0, colon).replaceAll("^\\[|]$", "");
      return InetSocketAddress.createUnresolved(host, Integer.parseInt(peer.substring(colon + 1)));
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      throw new IllegalArgumentException("not host:port: " + LogSafe.of(peer), e);
    }
  }

  /** Writes where in the trace we are into a request; made for {@code HttpEndpoint.before}. */
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
