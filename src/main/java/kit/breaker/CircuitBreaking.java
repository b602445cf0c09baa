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
 * Refuses calls to an instance that keeps failing, at once and without sending them.
 *
 * <p>Make one for each instance: with one for the whole service, a single bad instance would close
 * off all the good ones. Put it around the timeout, so that it sees timeouts, and inside limiters and
 * retry.
 *
 * <pre>{@code
 * CircuitBreaking<Integer, String> breaking = new CircuitBreaking<>("127.0.0.1:8081");
 * Endpoint<Integer, String> getName = breaking.around(http);
 * breaking.isOpen(); // for a balancer that has others to ask
 * }</pre>
 *
 * <h2>What counts</h2>
 *
 * <pre>
 *   failure   {@link PeerException}: TIMEOUT, BROKEN, MALFORMED, NOT_CONNECTED,
 *             STATUS 500, 502, 503, 504 ({@link PeerException#isInstanceFailure})
 *             {@link StatusException} of these: a service that says so of itself
 *             {@link IOException}, {@link TimeoutException}: an endpoint not made of HTTP
 *   reachable PeerException: any other STATUS
 *             any other StatusException
 *   ignored   PeerException: TOO_LARGE, REFUSED, NO_INSTANCE
 *             interruption: the caller has given up
 *             a timeout at the deadline that the caller brought along
 *             anything else: a fault of this program, such as a request that cannot be encoded
 *   success   no exception
 * </pre>
 *
 * <p>Any other status says that the instance is there, though not that it is well. So it does not
 * count while the breaker is closed, but as an answer to a probe it closes it: an instance that is
 * only ever asked for what it does not have would stay half-open, and turn most calls away, for ever.
 *
 * <p>The last of the ignored is there because a breaker is a weapon, too: if a request that nobody can
 * send counted, five of them would cut off a healthy instance. What an {@link ExecutionException} or
 * a {@link CompletionException} wraps counts as if it were thrown itself. A call whose time is up
 * before it begins is a TIMEOUT at once and not counted: the instance has not been asked.
 *
 * <p>A timeout counts if the caller would have waited longer: the time limit of an attempt expired.
 * One impatient caller could otherwise open the breaker for all patient ones. The deadline of the
 * caller is that of the {@link Attempts} in the context, which retry puts there, or else that of the
 * context that the breaker is called with. So a chain without a time limit for each attempt never
 * opens a breaker because of an instance that hangs.
 *
 * <h2>Errors</h2>
 *
 * <p>A refused call is a {@link PeerException} of kind REFUSED, with the time until the next call may
 * pass, if known, and an {@link OpenException} as cause. All else passes through.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads. All endpoints it is put around share its breaker.
 *
 * <p>Go kit's word: {@code circuitbreaker.Gobreaker}.
 */
public final class CircuitBreaking<Q, R> implements Middleware<Q, R> {
  // Timers expire up to some milliseconds early; so close to the deadline it is the caller's.
  private static final long CLOSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private static final Logger log = LoggerFactory.getLogger(CircuitBreaking.class);

  private final String instance;
  private final CircuitBreaker breaker;

  /** Breaks as {@link #settings} say, and logs changes of state at INFO. */
  public CircuitBreaking(String instance) {
    this(
        instance,
        new CircuitBreaker(settings(), System::nanoTime, state -> logState(instance, state)));
  }

  /** Breaks with {@code breaker}, made of {@link #settings} or of others. */
  public CircuitBreaking(String instance, CircuitBreaker breaker) {
    this.instance = requireNonNull(instance, "instance");
    this.breaker = requireNonNull(breaker, "breaker");
  }

  private static void logState(String instance, State state) {
    log.info("circuit breaker of {} is {}", LogSafe.of(instance), state);
  }

  /**
   * Opens after 5 failures in a row for 5 s, for 10 s when a probe has failed, and closes after one
   * success; what counts is listed above.
   */
  public static Settings settings() {
    return Settings.defaults().withClassifier(CircuitBreaking::outcomeOf);
  }

  /** What a call says about the instance; {@code error} is null if it answered. */
  public static Outcome outcomeOf(Object response, Throwable error) {
    if (error == null) {
      return Outcome.SUCCESS;
    }
    if (isFailure(error)) {
      return Outcome.FAILURE;
    }
    return isAnswer(error) ? Outcome.REACHABLE : Outcome.IGNORED;
  }

  /** Whether the caller waits no longer, so that a timeout is that of the caller's own deadline. */
  public static boolean isTimeUp(Context context) {
    Attempts attempts = context.get(Attempts.KEY);
    return (attempts == null ? context : attempts.call()).remainingNanos() <= CLOSE_NANOS;
  }

  /** Whether {@code thrown} says that no answer came in time. */
  public static boolean isTimeout(Throwable thrown) {
    Throwable error = unwrap(thrown);
    return error instanceof PeerException peer && peer.kind() == PeerException.Kind.TIMEOUT
        || error instanceof TimeoutException
        || error instanceof SocketTimeoutException
        || error instanceof HttpTimeoutException;
  }

  /** Whether somebody is there who says no. */
  private static boolean isAnswer(Throwable thrown) {
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
