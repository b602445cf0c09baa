// SPDX-License-Identifier: Apache-2.0
package kit.chain;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.balancer.Avoidable;
import kit.balancer.BalancedEndpoint;
import kit.balancer.Node;
import kit.balancer.Picker;
import kit.balancer.RoundRobinPicker;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaking;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.retry.RetryBudget;
import kit.retry.Retrying;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls a service through everything that a good client has, in one call and in the right order.
 *
 * <pre>{@code
 * ClientChain<Integer, String> getName =
 *     new ClientChain<>(
 *         "userservice",
 *         instances,
 *         instance -> new HttpEndpoint<>(http, URI.create("http://" + instance), encode, decode),
 *         ClientChain.Settings.<Integer, String>defaults().withIdempotent(uid -> true));
 * getName.call(Context.background().withTimeout(Duration.ofSeconds(2)), 101);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   around the call          log and metrics of the call; yours
 *     retry                  idempotent requests only, within a budget
 *       balancer             one instance for each attempt, passing over those that refuse
 *         around the attempt span, limiter; yours, one for each instance
 *           breaker          one for each instance
 *             timeout        of the attempt at this instance
 *               your endpoint
 * </pre>
 *
 * <p>Why this order: a breaker must see timeouts, so it is around them. A limiter's refusal must not
 * open a breaker, so the limiter is around that. Breakers are one for each instance, so they are
 * inside the balancer, which leaves out instances whose breaker is open. Each attempt should go to
 * another instance, so retry is around the balancer. The caller's deadline, in the {@link Context},
 * holds for all of it.
 *
 * <p>What is known of an instance goes when the instance goes.
 *
 * <h2>Threads</h2>
 *
 * <p>Safe for any number of threads. {@link #close} lets go of the instances; the list of them is the
 * caller's to close.
 */
public final class ClientChain<Q, R> implements Endpoint<Q, R>, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ClientChain.class);

  private final BalancedEndpoint<Q, R> balanced;
  private final Endpoint<Q, R> outermost;

  /**
   * Stacks the layers.
   *
   * @param service the name to use in messages
   * @param factory makes the endpoint of one instance, the innermost layer
   */
  public ClientChain(
      String service,
      Instances instances,
      Function<Instance, Endpoint<Q, R>> factory,
      Settings<Q, R> settings) {
    this.balanced =
        new BalancedEndpoint<>(
            service,
            instances,
            instance -> new Guarded<>(instance, factory.apply(instance), settings),
            settings.picker());
    // The time of an attempt is measured at the instance, inside its breaker. Measured out here it
    // would also cut the wait for the first list.
    Retrying.Settings retries =
        Retrying.Settings.defaults()
            .withAttempts(settings.attempts())
            .withAttemptTimeout(ChronoUnit.FOREVER.getDuration());
    Retrying<Q, R> retrying = new Retrying<>(settings.isIdempotent(), retries, new RetryBudget());
    this.outermost = settings.aroundCall().around(retrying.around(balanced));
  }

  @Override
  public R call(Context context, Q request) throws Exception {
    return outermost.call(context, request);
  }

  /** Lets go of all instances; calls in flight end undisturbed. */
  @Override
  public void close() {
    balanced.close();
  }

  /** One instance with its breaker, its timeout, and what the caller puts around each attempt. */
  private static final class Guarded<Q, R> implements Endpoint<Q, R>, Avoidable, AutoCloseable {
    private final Endpoint<Q, R> innermost;
    private final CircuitBreaking<Q, R> breaking;
    private final Endpoint<Q, R> guarded;

    Guarded(Instance instance, Endpoint<Q, R> innermost, Settings<Q, R> settings) {
      String name = instance.authority();
      Duration timeout = settings.attemptTimeout();
      this.innermost = innermost;
      this.breaking =
          new CircuitBreaking<>(
              name,
              new CircuitBreaker(
                  settings.breaker(),
                  System::nanoTime,
                  state -> log.debug("circuit breaker of {} is {}", name, state)));
      this.guarded =
          settings
              .aroundAttempt()
              .apply(instance)
              .around(
                  breaking.around(
                      (context, request) -> innermost.call(context.withTimeout(timeout), request)));
    }

    @Override
    public R call(Context context, Q request) throws Exception {
      return guarded.call(context, request);
    }

    @Override
    public boolean isAvoided() {
      return breaking.isOpen();
    }

    @Override
    public void close() throws Exception {
      if (innermost instanceof AutoCloseable closeable) {
        closeable.close();
      }
    }
  }

  /**
   * What each layer does.
   *
   * @param isIdempotent which requests may be done twice; none, unless you say so
   * @param attempts how often a call is sent at most, the first time included
   * @param attemptTimeout how long one instance may take for one attempt
   * @param picker chooses among the instances
   * @param breaker when to stop calling an instance
   * @param aroundCall what goes around the whole call
   * @param aroundAttempt what goes around each attempt at an instance
   */
  public record Settings<Q, R>(
      Predicate<? super Q> isIdempotent,
      int attempts,
      Duration attemptTimeout,
      Picker<Node<Q, R>> picker,
      CircuitBreaker.Settings breaker,
      Middleware<Q, R> aroundCall,
      Function<Instance, Middleware<Q, R>> aroundAttempt) {
    /** Checks that nothing is missing; the layers check their ranges. */
    public Settings {
      requireNonNull(isIdempotent, "isIdempotent");
      requireNonNull(attemptTimeout, "attemptTimeout");
      requireNonNull(picker, "picker");
      requireNonNull(breaker, "breaker");
      requireNonNull(aroundCall, "aroundCall");
      requireNonNull(aroundAttempt, "aroundAttempt");
    }

    /**
     * Returns: nothing is idempotent; 3 attempts of 1 s each; in turn; breakers as {@link
     * CircuitBreaking#settings}; nothing around.
     */
    public static <Q, R> Settings<Q, R> defaults() {
      return new Settings<>(
          request -> false,
          3,
          Duration.ofSeconds(1),
          new RoundRobinPicker()::pick,
          CircuitBreaking.settings(),
          next -> next,
          instance -> next -> next);
    }

    /** Returns these settings with another {@link #isIdempotent}. */
    public Settings<Q, R> withIdempotent(Predicate<? super Q> isIdempotent) {
      return new Settings<>(
          isIdempotent, attempts, attemptTimeout, picker, breaker, aroundCall, aroundAttempt);
    }

    /** Returns these settings with other {@link #attempts}, each of at most {@code timeout}. */
    public Settings<Q, R> withAttempts(int attempts, Duration timeout) {
      return new Settings<>(
          isIdempotent, attempts, timeout, picker, breaker, aroundCall, aroundAttempt);
    }

    /** Returns these settings with another {@link #picker}. */
    public Settings<Q, R> withPicker(Picker<Node<Q, R>> picker) {
      return new Settings<>(
          isIdempotent, attempts, attemptTimeout, picker, breaker, aroundCall, aroundAttempt);
    }

    /** Returns these settings with another {@link #breaker}. */
    public Settings<Q, R> withBreaker(CircuitBreaker.Settings breaker) {
      return new Settings<>(
          isIdempotent, attempts, attemptTimeout, picker, breaker, aroundCall, aroundAttempt);
    }

    /** Returns these settings with another {@link #aroundCall}. */
    public Settings<Q, R> withAroundCall(Middleware<Q, R> aroundCall) {
      return new Settings<>(
          isIdempotent, attempts, attemptTimeout, picker, breaker, aroundCall, aroundAttempt);
    }

    /** Returns these settings with another {@link #aroundAttempt}. */
    public Settings<Q, R> withAroundAttempt(Function<Instance, Middleware<Q, R>> aroundAttempt) {
      return new Settings<>(
          isIdempotent, attempts, attemptTimeout, picker, breaker, aroundCall, aroundAttempt);
    }
  }
}
