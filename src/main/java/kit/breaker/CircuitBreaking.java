// SPDX-License-Identifier: Apache-2.0
package kit.breaker;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.http.HttpTimeoutException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import kit.Attempts;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.Middleware;
import kit.PeerException;
import kit.StatusException;
import kit.breaker.CircuitBreaker.OpenException;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaker.Permit;
import kit.breaker.CircuitBreaker.Settings;
import kit.breaker.CircuitBreaker.State;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Circuit-breaking middleware: rejects calls to an instance that keeps failing, without sending
 * them.
 *
 * <p>Create one for each instance: with one for the whole service, a single failing instance would
 * stop the calls to all others. Put it around the timeout, so that it counts timeouts, and inside
 * limiters and retry.
 *
 * <pre>{@code
 * CircuitBreaking<Integer, String> breaking = new CircuitBreaking<>("127.0.0.1:8081");
 * Endpoint<Integer, String> getName = breaking.around(http);
 * breaking.isOpen(); // for a balancer, which prefers other instances
 * }</pre>
 *
 * <h2>Outcomes</h2>
 *
 * <pre>
 *   failure   {@link PeerException}: TIMEOUT, BROKEN, MALFORMED, NOT_CONNECTED,
 *             STATUS 500, 502, 503, 504 ({@link PeerException#isInstanceFailure})
 *             {@link StatusException} with one of these, from a service in the same program
 *             {@link IOException}, {@link TimeoutException}: an endpoint that does not use HTTP
 *   reachable PeerException: any other STATUS
 *             any other StatusException
 *   ignored   PeerException: TOO_LARGE, REFUSED, NO_INSTANCE
 *             interruption: the caller has cancelled the call
 *             a timeout at the caller's own deadline
 *             any other error: a fault of this program, such as a request that cannot be encoded
 *   success   no exception
 * </pre>
 *
 * <p>Any other status shows that the instance is reachable, but not that it is healthy. It does not
 * count while the breaker is closed, but as the result of a probe it closes the breaker. Otherwise
 * an instance whose only calls result in 404 would stay half-open and have most of its calls
 * rejected.
 *
 * <p>Errors of this program are ignored, so that five requests that cannot be encoded do not open
 * the breaker of a healthy instance. The cause of an {@link ExecutionException} or a {@link
 * CompletionException} is judged in its place. A call whose deadline has passed before it begins is
 * a TIMEOUT and not counted, because it is not sent.
 *
 * <p>A timeout counts if the caller would have waited longer: the per-attempt timeout expired. A
 * single caller with a short deadline could otherwise open the breaker for all callers. The
 * deadline of the caller is that of the {@link Attempts} in the context, which retry puts there, or
 * else that of the context of the call. So without a per-attempt timeout, an instance that hangs
 * opens no breaker.
 *
 * <h2>Errors</h2>
 *
 * <p>A rejected call is a {@link PeerException} of kind REFUSED, with the time until the next
 * probe, if known, and an {@link OpenException} as cause. All other exceptions pass through.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. All endpoints that it is put around share its breaker.
 *
 * <p>Equivalent in Go kit: {@code circuitbreaker.Gobreaker}.
 */
public final class CircuitBreaking<Q, R> implements Middleware<Q, R> {
  // Timers expire up to some milliseconds early: a timeout so close to the deadline is the
  // caller's.
  private static final long CLOSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final Logger log = LoggerFactory.getLogger(CircuitBreaking.class);

  private final String instance;
  private final CircuitBreaker breaker;

  /** Creates a breaker with {@link #settings}, and logs its changes of state at INFO. */
  public CircuitBreaking(String instance) {
    this(
        instance,
        new CircuitBreaker(settings(), System::nanoTime, state -> logState(instance, state)));
  }

  /** Uses {@code breaker}, which has {@link #settings} or others. */
  public CircuitBreaking(String instance, CircuitBreaker breaker) {
    this.instance = requireNonNull(instance, "instance");
    this.breaker = requireNonNull(breaker, "breaker");
  }

  private static void logState(String instance, State state) {
    log.info("circuit breaker of {} is {}", LogSafe.of(instance), state);
  }

  /**
   * Returns the default settings: opens after 5 failures in a row for 5 s, for 10 s after a failed
   * probe; closes after one success. The outcomes are those listed above.
   */
  public static Settings settings() {
    return Settings.defaults().withClassifier(CircuitBreaking::outcomeOf);
  }

  /** Returns the outcome of a call; {@code error} is null if there is a response. */
  public static Outcome outcomeOf(Object response, Throwable error) {
    if (error == null) {
      return Outcome.SUCCESS;
    }
    if (isFailure(error)) {
      return Outcome.FAILURE;
    }
    return isResponse(error) ? Outcome.REACHABLE : Outcome.IGNORED;
  }

  /**
   * Returns whether the caller's deadline has been reached, so that a timeout is the caller's own.
   */
  public static boolean isTimeUp(Context context) {
    Attempts attempts = context.get(Attempts.KEY);
    return (attempts == null ? context : attempts.call()).remainingNanos() <= CLOSE_NANOS;
  }

  /** Returns whether {@code thrown} is a timeout. */
  public static boolean isTimeout(Throwable thrown) {
    Throwable error = unwrap(thrown);
    return error instanceof PeerException peer && peer.kind() == PeerException.Kind.TIMEOUT
        || error instanceof TimeoutException
        || error instanceof SocketTimeoutException
        || error instanceof HttpTimeoutException;
  }

  /** Returns whether the instance responded with an error that is not its own failure. */
  private static boolean isResponse(Throwable thrown) {
    Throwable error = unwrap(thrown);
    return error instanceof PeerException peer
            && peer.status() > 0
            && !PeerException.isInstanceFailure(peer.status())
        || error instanceof StatusException refusal
            && !PeerException.isInstanceFailure(refusal.status());
  }

  private static Throwable unwrap(Throwable thrown) {
    Throwable error = thrown;
    while ((error instanceof ExecutionException || error instanceof CompletionException)
        && error.getCause() != null) {
      error = error.getCause();
    }
    return error;
  }

  private static boolean isFailure(Throwable thrown) {
    Throwable error = unwrap(thrown);
    if (error instanceof PeerException peer) {
      return switch (peer.kind()) {
        case TIMEOUT, BROKEN, MALFORMED, NOT_CONNECTED -> true;
        case STATUS -> PeerException.isInstanceFailure(peer.status());
        case TOO_LARGE, REFUSED, NO_INSTANCE -> false;
      };
    }
    if (error instanceof StatusException refusal) {
      return PeerException.isInstanceFailure(refusal.status());
    }
    return error instanceof IOException || error instanceof TimeoutException;
  }

  @Override
  public Endpoint<Q, R> around(Endpoint<Q, R> next) {
    requireNonNull(next, "next");
    return (context, request) -> call(next, context, request);
  }

  private R call(Endpoint<Q, R> next, Context context, Q request) throws Exception {
    Permit permit = permit(context);
    R response;
    try {
      response = next.call(context, request);
    } catch (Throwable error) {
      if (isTimeout(error) && isTimeUp(context)) {
        permit.report(Outcome.IGNORED);
      } else {
        permit.finished(null, error);
      }
      throw error;
    }
    permit.finished(response, null);
    return response;
  }

  private Permit permit(Context context) {
    if (context.remainingNanos() <= 0) {
      throw PeerException.timeout(instance, null);
    }
    try {
      return breaker.acquire();
    } catch (OpenException e) {
      throw PeerException.refused(
          instance, "circuit breaker is open", e.retryAfter().orElse(null), e);
    }
  }

  /** Returns the breaker, for its state. */
  public CircuitBreaker breaker() {
    return breaker;
  }

  /** Returns whether it is open, so that it would reject a call to this instance. */
  public boolean isOpen() {
    return breaker.state() == State.OPEN;
  }
}
