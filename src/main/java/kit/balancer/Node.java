// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import kit.Endpoint;
import kit.LogSafe;
import kit.PeerException;
import kit.discovery.Instance;
import org.slf4j.Logger;

/**
 * An instance with its endpoint and its calls in flight, as pickers see it.
 *
 * <p>Owned by one {@link BalancedEndpoint}, which creates it, counts its calls, and closes its
 * endpoint when the instance has gone and the last call has ended. Thread-safe, lock-free.
 */
public final class Node<Q, R> {
  // The top bit of "state" is set when the instance has gone, the other bits count calls in flight.
  // Gone with no calls is final: no call enters any more, and the thread that reached it closes.
  private static final int GONE = 1 << 31;

  private final Logger log;
  private final Instance instance;
  private final String name;
  private final AtomicInteger state = new AtomicInteger();
  private final AtomicReference<Endpoint<Q, R>> endpoint = new AtomicReference<>();
  private final AtomicReference<String> warned = new AtomicReference<>(); // Of this failure.
  private volatile boolean isUnmade; // The factory failed since the last change of the list.

  Node(Instance instance, Logger log) {
    this.log = log;
    this.instance = instance;
    this.name = instance.authority();
  }

  /** Returns the instance; its tags and metadata are those of its first appearance. */
  public Instance instance() {
    return instance;
  }

  /** Returns whether the endpoint could be created and is available, see {@link Availability}. */
  public boolean isAvailable() {
    return !isUnmade
        && !(endpoint.get() instanceof Availability availability && !availability.isAvailable());
  }

  /** Returns why it is not available, for the log. */
  String reason() {
    if (isUnmade) {
      return "no endpoint: " + warned.get();
    }
    return endpoint.get() instanceof Availability availability
        ? LogSafe.of(availability.reason())
        : "unavailable";
  }

  /** Allows another call of the factory after it failed. */
  void tryAgain() {
    isUnmade = false;
  }

  /** Returns the number of calls in flight. */
  public int inFlight() {
    return state.get() & ~GONE;
  }

  String name() {
    return name;
  }

  boolean enter() {
    int before;
    do {
      before = state.get();
      if (before == GONE) {
        return false;
      }
    } while (!state.compareAndSet(before, before + 1));
    return true;
  }

  void exit() {
    if (state.decrementAndGet() == GONE) {
      closeEndpoint();
    }
  }

  void retire() {
    if (state.getAndUpdate(before -> before | GONE) == 0) {
      closeEndpoint();
    }
  }

  /**
   * Returns the endpoint, created at the first call; if two threads create one each, the second is
   * closed.
   *
   * @throws PeerException of kind {@code NO_INSTANCE} if the factory throws
   */
  Endpoint<Q, R> endpoint(Function<Instance, Endpoint<Q, R>> factory) {
    Endpoint<Q, R> made = endpoint.get();
    if (made != null) {
      return made;
    }
    try {
      made = requireNonNull(factory.apply(instance), "factory returned null");
      isUnmade = false;
    } catch (Exception e) {
      isUnmade = true;
      throw leftOut(LogSafe.of(e), e);
    }
    if (endpoint.compareAndSet(null, made)) {
      return made;
    }
    close(made);
    return endpoint.get();
  }

  private PeerException leftOut(String problem, Exception cause) {
    if (!problem.equals(warned.getAndSet(problem))) {
      log.warn("skipped {}, its endpoint cannot be created: {}", name, problem);
    }
    return PeerException.noInstance("no endpoint for " + name + ": " + problem, cause);
  }

  private void closeEndpoint() {
    close(endpoint.get());
  }

  private void close(Object endpoint) {
    if (endpoint instanceof AutoCloseable closeable) {
      try {
        closeable.close();
      } catch (Throwable e) { // The other endpoints still have to be closed.
        if (e instanceof InterruptedException) {
          Thread.currentThread().interrupt();
        }
        log.warn("endpoint not closed cleanly: {}", LogSafe.of(e));
      }
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
