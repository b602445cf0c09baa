// SPDX-License-Identifier: Apache-2.0
package kit.client;

import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.balancer.Availability;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaking;
import kit.discovery.Instance;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Client stack of one instance: circuit breaker, timeout and the caller's middleware for attempts.
 */
final class InstanceEndpoint<Q, R> implements Endpoint<Q, R>, Availability, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ServiceClient.class);

  private final String instance;
  private final Endpoint<Q, R> innermost;
  private final CircuitBreaking<Q, R> breaking;
  private final Endpoint<Q, R> outermost;
  private final Consumer<InstanceEndpoint<Q, R>> onClose;

  InstanceEndpoint(
      Instance instance,
      Endpoint<Q, R> innermost,
      Middleware<Q, R> around,
      Duration timeout,
      CircuitBreaker.Settings breaker,
      Consumer<InstanceEndpoint<Q, R>> onClose) {
    String name = instance.authority();
    this.instance = name;
    this.innermost = innermost;
    this.breaking =
        new CircuitBreaking<>(
            name,
            new CircuitBreaker(
                breaker,
                System::nanoTime,
                state -> log.debug("circuit breaker of {} is {}", name, state)));
    this.outermost =
        Middleware.chain(around, breaking, Middleware.timeout(timeout)).around(innermost);
    this.onClose = onClose;
  }

  @Override
  public R call(Context context, Q request) throws Exception {
    return outermost.call(context, request);
  }

  @Override
  public boolean isAvailable() {
    return !breaking.isOpen();
  }

  /** Returns {@code host:port}. */
  String instance() {
    return instance;
  }

  /** Returns the state of the breaker, in lower case. */
  String state() {
    return breaking.breaker().state().name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void close() throws Exception {
    onClose.accept(this);
    if (innermost instanceof AutoCloseable closeable) {
      closeable.close();
    }
  }
}
