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
 * Repeats calls that failed, where that can help and does no harm.
 *
 * <pre>{@code
 * Endpoint<Integer, String> getName =
 *     new Retrying<Integer, String>(uid -> true) // Reading a name twice is as good as once.
 *         .around(new BalancedEndpoint<>("userservice", instances, factory, picker));
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   failure                                  repeated?             takes a token
 *   NO_INSTANCE, REFUSED, NOT_CONNECTED      no: nobody is left    no
 *   TIMEOUT, BROKEN                          if idempotent         yes
 *   STATUS 500, 502, 503, 504                if idempotent         yes
 *   STATUS 429 with Retry-After              if idempotent         yes
 *   MALFORMED, TOO_LARGE                     no: answered already  no
 *   any other STATUS, any other exception    no                    no
 * </pre>
 *
 * <p><b>Idempotent</b>: whoever makes this object says which requests may be done twice, because a
 * request that was sent may have been done although no answer came. GET, PUT and DELETE are meant
 * to be (RFC 9110, section 9.2.2); only the service knows. Statuses: those that the AWS SDKs repeat
 * too. A 500 is among them because a fault of one instance need not be one of the next. Without
 * Retry-After a 429 says "too many" and nothing of "later", so repeating makes it worse.
 *
 * <p><b>Nobody is left</b>: a balancer asks the others at once when an instance certainly did no
 * work, within the same attempt and free of charge. What still comes out as REFUSED or
 * NOT_CONNECTED has been through all of them. {@link Attempts} in the {@link Context}, new for each
 * call, tells it whom to ask last, because they broke, and whom not at all, because they refused.
 *
 * <p><b>The pause</b> is the {@link Backoff}; if the peer asked for one (Retry-After), it is that,
 * at most {@link Settings#maxRetryAfter}, and the backoff on top, so that not all who were told "1
 * second" are back on the second. The cap is there because the next attempt usually goes to another
 * instance, which asked for nothing.
 *
 * <p><b>It ends</b> with the first success, or when attempts or {@link RetryBudget} are used up, or
 * at once when the pause would outlast the deadline of the context: no call sleeps only to fail.
 * Without a deadline, attempts and the pauses are the limit. To limit the time of each attempt, put
 * {@link Middleware#timeout} around the endpoints of the instances, where the breaker can see it.
 *
 * <h2>Errors</h2>
 *
 * <p>The last failure as it was, so that its kind and status say what they always say; the earlier
 * ones are suppressed in it. One exception: when a request was sent and failed, and nobody was left
 * to repeat it, the failure of the one that was sent is thrown. The other says that no work was
 * done, which is wrong for the call as a whole.
 *
 * <p>An interruption passes at once, during a pause too; what failed before is suppressed in it.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads. An attempt runs on the thread of the caller; one that ignores
 * its deadline holds the call up. A call that succeeds at first costs a few small objects.
 *
 * <p>Let all endpoints of a service share one budget: it looks at the service as a whole.
 *
 * <p>Go kit's word: {@code lb.Retry}, which has no pauses and repeats every failure.
 */
public final class Retrying<Q, R> implements Middleware<Q, R> {
  private static final Logger log = LoggerFactory.getLogger(Retrying.class);

  /** Waits; a test records instead. */
  @FunctionalInterface
  public interface Sleeper {
    /** Returns after {@code nanos}, which may be 0. */
    void sleep(long nanos) throws InterruptedException;
  }

  /** Hears of repetitions, to count them, say. What it throws is logged and harms nobody. */
  @FunctionalInterface
  public interface Listener {
    /** Called before the pause, on the thread of the call; {@code attempt} (from 1) has failed. */
    void onRetry(int attempt, PeerException failure);
  }

  /**
   * How often, how long, and after which failures.
   *
   * @param attempts how many at most, the first included; 1 repeats nothing
   * @param backoff the pause before the next attempt
   * @param maxRetryAfter the longest pause granted to a peer that asks for one
   * @param isTransient which failures of sent requests may pass by themselves
   * @param onRetry hears of repetitions
   */
  public record Settings(
      int attempts,
      Backoff backoff,
      Duration maxRetryAfter,
      Predicate<PeerException> isTransient,
      Listener onRetry) {

    /** Refuses what makes no sense. */
    public Settings {
      if (attempts < 1) {
        throw new IllegalArgumentException("attempts < 1: " + attempts);
      }
      requireNonNull(backoff, "backoff");
      if (maxRetryAfter.isNegative()) {
        throw new IllegalArgumentException("maxRetryAfter < 0: " + maxRetryAfter);
      }
      requireNonNull(isTransient, "isTransient");
      requireNonNull(onRetry, "onRetry");
    }

    /**
     * Returns 3 attempts, a {@link Backoff} from 10 ms to 1 s, and 1 s for Retry-After:
     * it comes in whole seconds, so less would be none.
     */
    public static Settings defaults() {
      return new Settings(
          3, new Backoff(), Duration.ofSeconds(1), Retrying::isTransient, (attempt, failure) -> {});
    }

    /** Returns these settings with another {@link #attempts}. */
    public Settings withAttempts(int attempts) {
      return new Settings(attempts, backoff, maxRetryAfter, isTransient, onRetry);
    }

    /** Returns these settings with another {@link #backoff}. */
    public Settings withBackoff(Backoff backoff) {
      return new Settings(attempts, backoff, maxRetryAfter, isTransient, onRetry);
    }

    /** Returns these settings with another {@link #maxRetryAfter}. */
    public Settings withMaxRetryAfter(Duration maxRetryAfter) {
      return new Settings(attempts, backoff, maxRetryAfter, isTransient, onRetry);
    }

    /** Returns these settings with another {@link #isTransient}. */
    public Settings withIsTransient(Predicate<PeerException> isTransient) {
      return new Settings(attempts, backoff, maxRetryAfter, isTransient, onRetry);
    }

    /** Returns these settings with another {@link #onRetry}. */
    public Settings withOnRetry(Listener onRetry) {
      return new Settings(attempts, backoff, maxRetryAfter, isTransient, onRetry);
    }
  }

  private final Predicate<? super Q> isIdempotent;
  private final Settings settings;
  private final long maxRetryAfterNanos;
  private final RetryBudget budget;
  private final LongSupplier nanoTime;
  private final Sleeper sleeper;

  /** Repeats as {@link Settings#defaults} say, within a budget of its own. */
  public Retrying(Predicate<? super Q> isIdempotent) {
    this(isIdempotent, Settings.defaults(), new RetryBudget());
  }

  /** Repeats requests that are idempotent, within a budget that others may share. */
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

  private static long nanos(Duration duration) {
    if (duration.isNegative()) {
      return 0; // A time to come back that has passed.
    }
    // Half of what a long holds, about 146 years, as in Context: now plus that must not overflow.
    Duration longest = Duration.ofNanos(Long.MAX_VALUE / 2);
    return duration.compareTo(longest) < 0 ? duration.toNanos() : longest.toNanos();
  }

  /** Whether a failure may pass by itself; see the table in {@link Retrying}. */
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
    // Always a new one: the context may be that of a request which we serve, with tries of its own.
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
    if (failure.kind().notSent() || !settings.isTransient().test(failure)) {
      return false;
    }
    // The budget first: every such failure says how the service is, repeated or not.
    return budget.failed() && attempt < settings.attempts() && isIdempotent.test(request);
  }

  /** Waits before the next attempt; returns whether there is time for it. */
  private boolean pause(
      PeerException failure, int attempt, Context context, List<Exception> failures) {
    long nanos = pauseNanos(failure, attempt);
    if (nanos >= context.remainingNanos(nanoTime.getAsLong())) {
      return false;
    }
    announce(attempt, failure, nanos);
    try {
      if (Thread.interrupted()) { // A sleep of nothing would not notice.
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
