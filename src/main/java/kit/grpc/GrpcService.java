// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import kit.Context;
import kit.LogSafe;
import kit.StatusException;
import kit.http.EndpointHandler;
import kit.http.Problem;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.RequestServer;
import kit.http.RequestSummary;
import kit.http.Response;
import kit.http2.Http2Handler;
import kit.http2.Http2Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * gRPC server: serves endpoints as methods, on streams of HTTP/2.
 *
 * <pre>{@code
 * GrpcService grpc =
 *     new GrpcService(GrpcService.Settings.defaults())
 *         .add(GrpcMethod.unary("/user.UserService/GetName", uidCodec, nameCodec, getName));
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A call runs on one thread, from the head to the status. That thread is interrupted when the client
 * cancels the call and at the deadline of {@code grpc-timeout}, which is also the deadline of the
 * {@link Context}. The status is sent when the work has ended, so work that ignores interrupts delays
 * it. {@link GrpcCall} has metadata; the request id is that of HTTP, {@code x-request-id}.
 *
 * <p>Middleware for requests applies to calls, too: access log, metrics and traces by {@link
 * #before} and {@link #onCompleted}, limits and token checks by {@link GrpcMethod#around}.
 *
 * <pre>{@code
 * tracing.serve(grpc);
 * instrumenting.serveGrpc(grpc);
 * grpc.onCompleted(new AccessLog(log::log));
 * grpc.add(getName.around(Middleware.chain(limiting, JwtAuthenticating.verifying(verifier))));
 * }</pre>
 *
 * <h2>Errors</h2>
 *
 * <pre>
 *   GrpcException                            its own status, text and details
 *   StatusException, PeerException           the status that {@link GrpcStatus} has for theirs over
 *                                            HTTP (see {@link Problem}); header fields become metadata
 *   any other exception                      INTERNAL, with a generic text
 *   deadline passed                          DEADLINE_EXCEEDED, whatever the work has thrown
 *   unknown service or method                UNIMPLEMENTED
 *   message longer than the limit            RESOURCE_EXHAUSTED, also if it is so only inflated
 *   malformed message, metadata or timeout   INVALID_ARGUMENT
 *   malformed framing or compression         INTERNAL; unknown compression: UNIMPLEMENTED
 *   too many calls, or the server stops      UNAVAILABLE
 *   not POST; not application/grpc           405; 415: a response without gRPC
 * </pre>
 *
 * <h2>Threads</h2>
 *
 * <p>Add all methods before publishing it to other threads; from then on it is thread-safe.
 *
 * <p>Source: grpc/doc/PROTOCOL-HTTP2.md, compression.md and statuscodes.md.
 */
public final class GrpcService implements Http2Handler, RequestServer {
  private static final Logger log = LoggerFactory.getLogger(GrpcService.class);

  private final Settings settings;
  private final Map<String, GrpcMethod> methods = new HashMap<>();
  private final List<EndpointHandler.Before> before = new CopyOnWriteArrayList<>();
  private final List<Consumer<RequestSummary>> finalizers = new CopyOnWriteArrayList<>();
  private final AtomicInteger inFlight = new AtomicInteger();
  private final Object idle = new Object(); // Notified when inFlight has dropped to 0.

  /** Creates a server without methods. */
  public GrpcService(Settings settings) {
    this.settings = requireNonNull(settings, "settings");
  }

  /**
   * Adds a method and returns this.
   *
   * @throws IllegalArgumentException if its path is taken
   */
  public GrpcService add(GrpcMethod method) {
    if (methods.putIfAbsent(method.path(), method) != null) {
      throw new IllegalArgumentException("duplicate method: " + method.path());
    }
    return this;
  }

  /** Adds methods and returns this. */
  public GrpcService addAll(List<GrpcMethod> more) {
    more.forEach(this::add);
    return this;
  }

  @Override
  public GrpcService before(EndpointHandler.Before function) {
    before.add(requireNonNull(function, "function"));
    return this;
  }

  @Override
  public GrpcService onCompleted(Consumer<RequestSummary> finalizer) {
    finalizers.add(requireNonNull(finalizer, "finalizer"));
    return this;
  }

  @Override
  public int inFlight() {
    return inFlight.get();
  }

  /** Waits until no call is in flight, at most {@code patience}; returns whether none is. */
  public boolean awaitIdle(Duration patience) throws InterruptedException {
    long deadlineNanos = System.nanoTime() + patience.toNanos();
    synchronized (idle) {
      while (inFlight.get() > 0) {
        long leftNanos = deadlineNanos - System.nanoTime();
        if (leftNanos <= 0) {
          return false;
        }
        TimeUnit.NANOSECONDS.timedWait(idle, leftNanos);
      }
      return true;
    }
  }

  @Override
  public void handle(Http2Stream stream) throws IOException {
    int concurrent = inFlight.incrementAndGet();
    try {
      new Served(new GrpcCall(stream, settings)).serve(concurrent > settings.maxInFlight());
    } finally {
      if (inFlight.decrementAndGet() == 0) {
        synchronized (idle) {
          idle.notifyAll();
        }
      }
    }
  }

  /** One call, from its head to its summary. */
  private final class Served implements Request.Tracker {
    private final long startedAtNanos = System.nanoTime();
    private final GrpcCall call;
    private final List<Consumer<RequestSummary>> own = new ArrayList<>(0); // Of this call.

    private Context context;
    private String route = Request.NO_ROUTE;

    Served(GrpcCall call) {
      this.call = call;
      this.context = call.context();
    }

    void serve(boolean isFull) throws IOException {
      int httpStatus = call.httpStatus();
      if (httpStatus != 200) {
        call.reject(httpStatus);
        complete(httpStatus, new StatusException(httpStatus, "not a request of gRPC"));
        return;
      }
      Throwable error = null;
      try {
        call(isFull);
      } catch (Throwable e) {
        error = e;
      }
      boolean isExpired = call.stop();
      Thread.interrupted(); // The status is sent in any case.
      GrpcStatus status = GrpcStatus.OK;
      try {
        if (error == null) {
          call.succeed();
        } else {
          GrpcException failure = failure(error, isExpired, call, context);
          status = failure.status();
          call.fail(failure);
        }
      } catch (IOException e) { // The client is gone, or does not read.
        status = status == GrpcStatus.OK ? GrpcStatus.CANCELLED : status;
        error = error == null ? e : error;
        log.debug("no status sent: {} ({})", LogSafe.of(e), RequestId.idsIn(context));
      }
      context = context.with(RequestSummary.GRPC_CODE, status.name());
      complete(status.httpStatus(), error);
    }

    private void call(boolean isFull) throws Exception {
      context = call.begin();
      Request request = call.request(this);
      GrpcMethod method = methods.get(call.path());
      route = method == null ? route : method.path();
      for (EndpointHandler.Before function : before) {
        context = function.before(context, request);
      }
      if (method == null) {
        throw unknown(call.path());
      }
      if (isFull) {
        throw new GrpcException(GrpcStatus.UNAVAILABLE, "too many calls in flight");
      }
      method.serve(context, request);
    }

    private void complete(int status, Throwable error) {
      RequestSummary completed =
          new RequestSummary(
              route,
              call.path().replaceFirst("\\?.*", ""), // A query is no part of it, and may be secret.
              call.field(":method").orElse("").equals("POST") ? "POST" : "OTHER",
              status,
              call.sentBytes(),
              System.nanoTime() - startedAtNanos,
              error,
              context.get(RequestId.KEY),
              context,
              call.remoteAddress());
      own.forEach(finalizer -> run(finalizer, completed));
      finalizers.forEach(finalizer -> run(finalizer, completed));
    }

    @Override
    public void onCompleted(Consumer<RequestSummary> finalizer) {
      own.add(finalizer);
    }
  }

  private static void run(Consumer<RequestSummary> finalizer, RequestSummary completed) {
    try {
      finalizer.accept(completed);
    } catch (Throwable e) { // The next finalizers are not affected.
      log.error("finalizer failed: {} ({})", LogSafe.of(e), RequestId.idsIn(completed.context()));
    }
  }

  private GrpcException unknown(String path) {
    int slash = path.lastIndexOf('/');
    String service = path.substring(0, slash + 1);
    boolean isMethod = methods.keySet().stream().anyMatch(known -> known.startsWith(service));
    return new GrpcException(
        GrpcStatus.UNIMPLEMENTED, isMethod && slash > 0 ? "unknown method" : "unknown service");
  }

  private static GrpcException failure(
      Throwable error, boolean isExpired, GrpcCall call, Context context) {
    if (isExpired) {
      return new GrpcException(GrpcStatus.DEADLINE_EXCEEDED, "deadline exceeded");
    }
    if (call.isCancelled()) {
      return new GrpcException(GrpcStatus.CANCELLED, "cancelled by the client");
    }
    Throwable cause = Problem.unwrap(error);
    if (cause instanceof GrpcException failure) {
      return failure;
    }
    if (isInterruption(cause)) {
      return new GrpcException(GrpcStatus.UNAVAILABLE, "the server is stopping");
    }
    try {
      Response problem = Problem.of(cause, context);
      logFailure(cause, problem.status(), call, context);
      problem.headers().forEach((name, values) -> addTrailers(call, name, values));
      return new GrpcException(
          GrpcStatus.ofHttp(problem.status()), Problem.detail(problem.bytes()));
    } catch (Throwable worse) { // An error that cannot be printed, a value that cannot be sent.
      log.error("call failed with {}, its status with {}", cause.getClass(), worse.getClass());
      return new GrpcException(GrpcStatus.INTERNAL, "the request could not be completed");
    }
  }

  private static boolean isInterruption(Throwable cause) {
    return cause instanceof InterruptedException
        || cause instanceof CancellationException
        || cause instanceof InterruptedIOException && !(cause instanceof SocketTimeoutException);
  }

  private static void addTrailers(GrpcCall call, String name, List<String> values) {
    String lowerCase = name.toLowerCase(Locale.ROOT);
    if (!GrpcMetadata.isOfProtocol(lowerCase)) {
      values.forEach(value -> call.sendLater(GrpcMetadata.empty().with(lowerCase, value)));
    }
  }

  private static void logFailure(Throwable error, int status, GrpcCall call, Context context) {
    Throwable cause = error instanceof StatusException ? error.getCause() : error;
    if (cause == null) {
      return;
    }
    if (status >= 500) {
      log.error(
          "{} failed: {} ({})",
          LogSafe.of(call.path()),
          LogSafe.of(cause),
          RequestId.idsIn(context));
    }
    log.debug("stack trace of {}", RequestId.idsIn(context), error);
  }

  /**
   * Limits of a server.
   *
   * @param maxMessageBytes the maximum length of a request message, compressed and inflated
   * @param maxInFlight the maximum number of calls at a time; more get UNAVAILABLE
   * @param messageTimeout how long the request of a call without a stream of requests may take to
   *     arrive, and each of its responses to be read
   */
  public record Settings(int maxMessageBytes, int maxInFlight, Duration messageTimeout) {
    /** Checks the ranges. */
    public Settings {
      if (maxMessageBytes < 1 || maxInFlight < 1) {
        throw new IllegalArgumentException(
            "maxMessageBytes or maxInFlight < 1: " + maxMessageBytes + ", " + maxInFlight);
      }
      if (messageTimeout.toMillis() < 1) {
        throw new IllegalArgumentException("messageTimeout < 1 ms: " + messageTimeout);
      }
    }

    /** Returns limits of 4 MiB, as in other implementations of gRPC, 1024 calls and 60 seconds. */
    public static Settings defaults() {
      return new Settings(4 << 20, 1024, Duration.ofSeconds(60));
    }
  }
}
