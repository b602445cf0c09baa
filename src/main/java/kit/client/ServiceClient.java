// SPDX-License-Identifier: Apache-2.0
package kit.client;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Predicate;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.balancer.Availability;
import kit.balancer.BalancedEndpoint;
import kit.balancer.Node;
import kit.balancer.Picker;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaking;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.retry.RetryBudget;
import kit.retry.Retrying;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Complete client of a service: retries, load balancing, circuit breakers, timeouts and metrics in
 * the right order.
 *
 * <pre>{@code
 * ServiceClient<Integer, String> getName =
 *     new ServiceClient<>(
 *         "userservice",
 *         instances,
 *         instance -> new HttpEndpoint<>(http, URI.create("http://" + instance), encode, decode),
 *         ServiceClient.Settings.<Integer, String>defaults().withIdempotent(uid -> true));
 * getName.call(Context.background().withTimeout(Duration.ofSeconds(2)), 101);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   metrics of the call
 *   around the call          logging, and your own
 *     retry                  idempotent requests only, within a budget
 *       balancer             one instance per attempt, with failover if it refuses
 *         metrics of the attempt
 *         around the attempt span, limiter, and your own, one per instance
 *           breaker          one per instance
 *             timeout        per attempt
 *               your endpoint
 * </pre>
 *
 * <p>The order: a breaker must count timeouts, so it is around them. A limiter's rejection must not
 * open a breaker, so the limiter is around the breaker. There is a breaker per instance, so
 * breakers are inside the balancer, which skips instances whose breaker is open. Each attempt
 * should go to another instance, so retry is around the balancer. The caller's deadline, in the
 * {@link Context}, applies to the whole stack.
 *
 * <p>The state of an instance is released when the instance has gone.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. {@link #close} releases the endpoints; the caller closes the list of instances.
 */
public final class ServiceClient<Q, R> implements Endpoint<Q, R>, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ServiceClient.class);

  private final BalancedEndpoint<Q, R> balanced;
  private final Endpoint<Q, R> outermost;
  private final Set<InstanceEndpoint> endpoints = ConcurrentHashMap.newKeySet(); // Until closed.
  private final Runnable hide; // Removes this client from the metrics.

  /**
   * Creates a client.
   *
   * @param service the name of the service in messages
   * @param factory creates the endpoint of an instance, the innermost layer
   */
  public ServiceClient(
      String service,
      Instances instances,
      Function<Instance, Endpoint<Q, R>> factory,
      Settings<Q, R> settings) {
    this(service, instances, factory, settings, Optional.empty());
  }

  /** As above, with {@code metrics} of calls, attempts and instances. */
  public ServiceClient(
      String service,
      Instances instances,
      Function<Instance, Endpoint<Q, R>> factory,
      Settings<Q, R> settings,
      Instrumenting metrics) {
    this(service, instances, factory, settings, Optional.of(metrics));
  }

  private ServiceClient(
      String service,
      Instances instances,
      Function<Instance, Endpoint<Q, R>> factory,
      Settings<Q, R> settings,
      Optional<Instrumenting> metrics) {
    Middleware<Q, R> measuredCalls = next -> next;
    Middleware<Q, R> measuredAttempts = next -> next;
    Retrying.Settings retries = Retrying.Settings.defaults().withAttempts(settings.attempts());
    if (metrics.isPresent()) {
      measuredCalls = metrics.get().calls(service);
      measuredAttempts = metrics.get().attempts(service);
      Metrics.Counter repeated = metrics.get().retries(service);
      retries = retries.withOnRetry((attempt, failure) -> repeated.inc());
    }

    Middleware<Q, R> aroundEach = measuredAttempts;
    this.balanced =
        new BalancedEndpoint<>(
            service,
            instances,
            instance -> {
              Middleware<Q, R> around = settings.aroundAttempt().apply(instance);
              InstanceEndpoint made =
                  new InstanceEndpoint(
                      instance,
                      factory.apply(instance),
                      Middleware.chain(aroundEach, around),
                      settings);
              endpoints.add(made);
              return made;
            },
            settings.picker());
    Retrying<Q, R> retrying = new Retrying<>(settings.isIdempotent(), retries, new RetryBudget());
    this.outermost =
        Middleware.chain(measuredCalls, settings.aroundCall(), retrying).around(balanced);

    Instrumenting.Client shown =
        new Instrumenting.Client(
            service,
            () -> instances.snapshot().size(),
            () -> instances.failure().isEmpty(),
            this::breakerStates);
    this.hide = metrics.map(it -> it.show(shown)).orElse(() -> {});
  }

  @Override
  public R call(Context context, Q request) throws Exception {
    return outermost.call(context, request);
  }

  /** Releases all instances; calls in flight complete. */
  @Override
  public void close() {
    hide.run();
    balanced.close();
  }

  private Map<String, String> breakerStates() {
    Map<String, String> states = new HashMap<>();
    endpoints.forEach(one -> states.put(one.instance, one.state()));
    return states;
  }

  /** Describes an open breaker; without the time until its listener has been called. */
  static String breakerOpen(OptionalLong sinceNanos, long nowNanos) {
    return sinceNanos.isEmpty()
        ? "breaker open"
        : String.format(
            Locale.ROOT, "breaker open for %.1f s", (nowNanos - sinceNanos.getAsLong()) / 1e9);
  }

  /** One instance with its breaker, its timeout, and what the caller puts around each attempt. */
  private final class InstanceEndpoint implements Endpoint<Q, R>, Availability, AutoCloseable {
    private final String instance;
    private final Endpoint<Q, R> innermost;
    private final CircuitBreaking<Q, R> breaking;
    private final Endpoint<Q, R> outermost;
    private volatile OptionalLong openedAtNanos = OptionalLong.empty(); // Empty unless it is open.

    InstanceEndpoint(
        Instance of, Endpoint<Q, R> innermost, Middleware<Q, R> around, Settings<Q, R> settings) {
      this.instance = of.authority();
      this.innermost = innermost;
      this.breaking =
          new CircuitBreaking<>(
              instance, new CircuitBreaker(settings.breaker(), System::nanoTime, this::changed));
      this.outermost =
          Middleware.chain(around, breaking, Middleware.timeout(settings.attemptTimeout()))
              .around(innermost);
    }

    @Override
    public R call(Context context, Q request) throws Exception {
      return outermost.call(context, request);
    }

    private void changed(CircuitBreaker.State state) {
      boolean isOpen = state == CircuitBreaker.State.OPEN;
      openedAtNanos = isOpen ? OptionalLong.of(System.nanoTime()) : OptionalLong.empty();
      log.debug("circuit breaker of {} is {}", instance, state);
    }

    @Override
    public boolean isAvailable() {
      return !breaking.isOpen();
    }

    @Override
    public String reason() {
      return breakerOpen(openedAtNanos, System.nanoTime());
    }

    String state() {
      return breaking.breaker().state().name().toLowerCase(Locale.ROOT);
    }

    @Override
    public void close() throws Exception {
      endpoints.remove(this);
      if (innermost instanceof AutoCloseable closeable) {
        closeable.close();
      }
    }
  }

  /**
   * Settings of the layers.
   *
   * @param isIdempotent which requests may be retried; none by default
   * @param attempts the maximum number of attempts, the first included
   * @param attemptTimeout the timeout of one attempt at one instance
   * @param picker the load-balancing policy
   * @param breaker the settings of the circuit breakers
   * @param aroundCall middleware around the whole call
   * @param aroundAttempt middleware around each attempt at an instance
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
     * Returns the defaults: no request is idempotent; 3 attempts with a timeout of 1 s each; round
     * robin; breakers with {@link CircuitBreaking#settings}; no middleware.
     */
    public static <Q, R> Settings<Q, R> defaults() {
      return new Settings<>(
          request -> false,
          3,
          Duration.ofSeconds(1),
          BalancedEndpoint.roundRobin(),
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
