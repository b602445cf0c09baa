// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import kit.Attempts;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.Middleware;
import kit.PeerException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Retries failed idempotent calls, with backoff, within a retry budget and the deadline of the
 * call.
 *
 * <pre>{@code
 * Endpoint<Integer, String> getName =
 *     new Retrying<Integer, String>(uid -> true) // Reads are idempotent.
 *         .around(new BalancedEndpoint<>("userservice", instances, factory, picker));
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   failure                                  retried?              takes a token
 *   NO_INSTANCE, REFUSED, NOT_CONNECTED      no: no other instance no
 *   TIMEOUT, BROKEN                          if idempotent         yes
 *   STATUS 500, 502, 503, 504                if idempotent         yes
 *   STATUS 429 with Retry-After              if idempotent         yes
 *   MALFORMED, TOO_LARGE                     no: work was done     no
 *   any other STATUS, any other exception    no                    no
 * </pre>
 *
 * <p><b>Idempotent</b>: the constructor takes a predicate for requests that may be executed twice,
 * because a request that was sent may have been executed although no response arrived. GET, PUT and
 * DELETE should be (RFC 9110, section 9.2.2), but it depends on the service. The statuses are those
 * that the AWS SDKs retry, too. A 500 is among them because a fault of one instance need not be one
 * of the next. A 429 without Retry-After is not retried: it names no time at which a retry would
 * succeed.
 *
 * <p><b>No other instance</b>: the load balancer fails over at once when an instance certainly did
 * no work, within the same attempt. What it throws as REFUSED or NOT_CONNECTED has been tried with
 * all instances. The {@link Attempts} in the {@link Context}, new for each call, tell it which
 * instances to try last, because they broke, and which not at all, because they refused.
 *
 * <p><b>The pause</b> is the {@link Backoff}; if the peer sent Retry-After, it is that, at most
 * {@link Settings#maxRetryAfter}, plus the backoff, so that clients that received "1 second" do not
 * all return at the same time. The cap exists because the next attempt usually goes to another
 * instance.
 *
 * <p><b>Retries end</b> with the first success, when attempts or {@link RetryBudget} are exhausted,
 * or at once when the pause would exceed the deadline of the context: no call sleeps only to fail.
 * To limit the time of each attempt, put {@link Middleware#timeout} around the endpoints of the
 * instances, where the breaker can see it.
 *
 * <h2>Errors</h2>
 *
 * <p>The last failure is thrown unchanged, with the earlier ones suppressed in it. One exception:
 * when a request was sent and failed, and no other instance was left for the retry, the failure of
 * the sent request is thrown. The other would mean that no work was done, which is wrong for the
 * call as a whole.
 *
 * <p>An interruption is thrown at once, also during a pause, with earlier failures suppressed in
 * it.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. Attempts run on the caller's thread; an attempt that ignores its deadline delays
 * the call. A call that succeeds at the first attempt allocates a few small objects.
 *
 * <p>All endpoints of a service should share one budget.
 *
 * <p>Equivalent in Go kit: {@code lb.Retry}, which has no backoff and retries every failure.
 */
public final class Retrying<Q, R> implements Middleware<Q, R> {
  private static final Logger log = LoggerFactory.getLogger(Retrying.class);

  /** Sleeps during a pause; a test records instead. */
  @FunctionalInterface
  public interface Sleeper {
    /** Returns after {@code nanos}, which may be 0. */
    void sleep(long nanos) throws InterruptedException;
  }

  /**
   * Listener to retries, for metrics and logs. Its exceptions are logged and do not affect the
   * call.
   */
  @FunctionalInterface
  public interface Listener {
    /**
     * Called before the pause, on the thread of the call, after {@code attempt} (from 1) failed.
     */
    void onRetry(int attempt, PeerException failure);
  }

  /**
   * Settings of retries.
   *
   * @param attempts maximum number of attempts, the first included; 1 disables retries
   * @param backoff the pause before the next attempt
   * @param maxRetryAfter the longest Retry-After that is honoured
   * @param onRetry listener to retries
   */
  public record Settings(int attempts, Backoff backoff, Duration maxRetryAfter, Listener onRetry) {

    /** Checks the ranges. */
    public Settings {
      if (attempts < 1) {
        throw new IllegalArgumentException("attempts < 1: " + attempts);
      }
      requireNonNull(backoff, "backoff");
      if (maxRetryAfter.isNegative()) {
        throw new IllegalArgumentException("maxRetryAfter < 0: " + maxRetryAfter);
      }
      requireNonNull(onRetry, "onRetry");
    }

    /**
     * Returns 3 attempts, a {@link Backoff} from 10 ms to 1 s, and 1 s for Retry-After:
     * which is in whole seconds.
     */
    public static Settings defaults() {
      return new Settings(3, new Backoff(), Duration.ofSeconds(1), (attempt, failure) -> {});
    }

    /** Returns these settings with another {@link #attempts}. */
    public Settings withAttempts(int attempts) {
      return new Settings(attempts, backoff, maxRetryAfter, onRetry);
    }

    /** Returns these settings with another {@link #backoff}. */
    public Settings withBackoff(Backoff backoff) {
      return new Settings(attempts, backoff, maxRetryAfter, onRetry);
    }

    /** Returns these settings with another {@link #maxRetryAfter}. */
    public Settings withMaxRetryAfter(Duration maxRetryAfter) {
      return new Settings(attempts, backoff, maxRetryAfter, onRetry);
    }

    /** Returns these settings with another {@link #onRetry}. */
    public Settings withOnRetry(Listener onRetry) {
      return new Settings(attempts, backoff, maxRetryAfter, onRetry);
    }
  }

  private final Predicate<? super Q> isIdempotent;
  private final Settings settings;
  private final long maxRetryAfterNanos;
  private final RetryBudget budget;
  private final LongSupplier nanoTime;
  private final Sleeper sleeper;

  /** Creates retries with {@link Settings#defaults} and a budget of their own. */
  public Retrying(Predicate<? super Q> isIdempotent) {
    this(isIdempotent, Settings.defaults(), new RetryBudget());
  }

  /** Creates retries of idempotent requests within a budget, which may be shared. */
  public Retrying(Predicate<? super Q> isIdempotent, Settings settings, RetryBudget budget) {
    this(isIdempotent, settings, budget, System::nanoTime, TimeUnit.NANOSECONDS::sleep);
  }

  /** As above; {@code nanoTime} is the clock that the deadlines of contexts are readings of. */
  public Retrying(
      Predicate<? super Q> isIdempotent,
      Settings settings,
      RetryBudget budget,
      LongSupplier nanoTime,
      Sleeper sleeper) {
    this.isIdempotent = requireNonNull(isIdempotent, "isIdempotent");
    this.settings = requireNonNull(settings, "settings");
    this.maxRetryAfterNanos = nanos(settings.maxRetryAfter());
    this.budget = requireNonNull(budget, "budget");
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    this.sleeper = requireNonNull(sleeper, "sleeper");
  }

  /** As in Context: 0 for a time that has passed, and at most half of what a long holds. */
  private static long nanos(Duration duration) {
    return Math.max(0, Math.min(TimeUnit.NANOSECONDS.convert(duration), Long.MAX_VALUE / 2));
  }

  /** Returns whether a failure is transient; see the table in {@link Retrying}. */
  public static boolean isTransient(PeerException failure) {
    return switch (failure.kind()) {
      case TIMEOUT, BROKEN -> true;
      case STATUS ->
          switch (failure.status()) {
            case 429 -> failure.retryAfter().isPresent();
            default -> PeerException.isInstanceFailure(failure.status());
          };
      case MALFORMED, TOO_LARGE, NO_INSTANCE, REFUSED, NOT_CONNECTED -> false;
    };
  }

  @Override
  public Endpoint<Q, R> around(Endpoint<Q, R> next) {
    requireNonNull(next, "next");
    return (context, request) -> call(next, context, request);
  }

  private R call(Endpoint<Q, R> next, Context context, Q request) throws Exception {
    // Always new: the context may be that of a request being served, which has attempts of its own.
    Context call = context.with(Attempts.KEY, new Attempts(context));
    List<Exception> failures = new ArrayList<>(0);
    for (int attempt = 1; ; attempt++) {
      try {
        R response = next.call(call, request);
        budget.succeeded();
        return response;
      } catch (Exception failure) {
        failures.add(failure);
        if (!(failure instanceof PeerException peerFailure)
            || !mayRepeat(peerFailure, attempt, request)
            || !pause(peerFailure, attempt, context, failures)) {
          throw outcome(failures);
        }
      }
    }
  }

  private boolean mayRepeat(PeerException failure, int attempt, Q request) {
    if (failure.kind().notSent() || !isTransient(failure)) {
      return false;
    }
    // The budget first: every such failure reflects the health of the service, retried or not.
    return budget.failed() && attempt < settings.attempts() && isIdempotent.test(request);
  }

  /** Pauses before the next attempt; returns whether the deadline allows it. */
  private boolean pause(
      PeerException failure, int attempt, Context context, List<Exception> failures) {
    long nanos = pauseNanos(failure, attempt);
    if (nanos >= context.remainingNanos(nanoTime.getAsLong())) {
      return false;
    }
    announce(attempt, failure, nanos);
    try {
      if (Thread.interrupted()) { // A sleep of zero would not notice.
        throw new InterruptedException("interrupted after attempt " + attempt);
      }
      sleeper.sleep(nanos);
    } catch (InterruptedException e) {
      failures.add(e);
      return false;
    }
    return context.remainingNanos(nanoTime.getAsLong()) > 0; // Sleeps may take longer than asked.
  }

  private long pauseNanos(PeerException failure, int attempt) {
    long askedNanos = failure.retryAfter().map(Retrying::nanos).orElse(0L);
    return Math.min(askedNanos, maxRetryAfterNanos) + settings.backoff().nanos(attempt);
  }

  private void announce(int attempt, PeerException failure, long pauseNanos) {
    log.debug(
        "attempt {} failed, next one in {} ms: {}",
        attempt,
        TimeUnit.NANOSECONDS.toMillis(pauseNanos),
        LogSafe.of(failure));
    try {
      settings.onRetry().onRetry(attempt, failure);
    } catch (RuntimeException e) {
      log.warn("onRetry failed: {}", LogSafe.of(e));
    }
  }

  /** Chooses what to throw, and keeps the rest in it. */
  private static Exception outcome(List<Exception> failures) {
    int last = failures.size() - 1;
    boolean nobodyLeft = failures.get(last) instanceof PeerException e && e.kind().notSent();
    // Whatever failed before was sent: nothing else is repeated.
    Exception outcome = failures.get(nobodyLeft && last > 0 ? last - 1 : last);
    for (Exception failure : failures) {
      if (failure != outcome) { // The endpoint may throw the same one twice.
        outcome.addSuppressed(failure);
      }
    }
    return outcome;
  }
}
