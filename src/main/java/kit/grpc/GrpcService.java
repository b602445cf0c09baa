// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import kit.Context;
import kit.LogSafe;
import kit.StatusException;
import kit.http.Problem;
import kit.http.RequestId;
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
public final class GrpcService implements Http2Handler {
  private static final Logger log = LoggerFactory.getLogger(GrpcService.class);

  private final Settings settings;
  private final Map<String, GrpcMethod> methods = new HashMap<>();
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

  /** Returns the number of calls in flight. */
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

  /** Serves a call. Fails only if the response cannot be sent. */
  @Override
  public void handle(Http2Stream stream) throws IOException {
    int concurrent = inFlight.incrementAndGet();
    try {
      GrpcCall call = new GrpcCall(stream, settings);
      int httpStatus = call.httpStatus();
      if (httpStatus == 200) {
        serve(call, concurrent > settings.maxInFlight());
      } else {
        call.reject(httpStatus);
      }
    } finally {
      if (inFlight.decrementAndGet() == 0) {
        synchronized (idle) {
          idle.notifyAll();
        }
      }
    }
  }

  private void serve(GrpcCall call, boolean isFull) throws IOException {
    Context context = Context.background();
    Throwable error = null;
    try {
      context = call.begin();
      GrpcMethod method = methods.get(call.path());
      if (method == null) {
        throw unknown(call.path());
      }
      if (isFull) {
        throw new GrpcException(GrpcStatus.UNAVAILABLE, "too many calls in flight");
      }
      method.serve(context, call.request());
    } catch (Throwable e) {
      error = e;
    }
    boolean isExpired = call.stop();
    Thread.interrupted(); // The status is sent in any case.
    GrpcException failure = error == null ? null : failure(error, isExpired, call, context);
    try {
      if (failure == null) {
        call.succeed();
      } else {
        call.fail(failure);
      }
    } catch (IOException e) { // The client is gone, or does not read.
      log.debug("no status sent: {} ({})", LogSafe.of(e), RequestId.idsIn(context));
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
      log.error("{} failed: {} ({})", call.path(), LogSafe.of(cause), RequestId.idsIn(context));
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
