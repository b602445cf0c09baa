// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Watches the instances of one service.
 *
 * <p>Take a {@link #snapshot} for each call: a stored list is out of date after the next
 * deployment.
 *
 * <p>Thread-safe.
 *
 * <p>Equivalent in Go kit: {@code sd.Instancer}.
 */
public interface Instances extends AutoCloseable {
  /**
   * Returns the current instances without waiting: an immutable list without duplicates, the same
   * object until the next change.
   */
  List<Instance> snapshot();

  /**
   * Subscribes {@code listener} to changes of the snapshot, until the result is closed.
   *
   * <p>The listener runs on the thread of the watch, outside all locks. It should be quick; its
   * exceptions are logged and affect no other listener. A change just before this call may have
   * been missed: take a snapshot afterwards.
   */
  Subscription onChange(Runnable listener);

  /**
   * Waits for the first response of the registry, which may be an empty list.
   *
   * @return whether the registry has responded within {@code patience}
   */
  boolean awaitFirst(Duration patience) throws InterruptedException;

  /** Returns why the snapshot may be out of date, or empty if the registry responds. */
  default Optional<Exception> failure() {
    return Optional.empty();
  }

  /** Stops watching; the last snapshot remains available. */
  @Override
  default void close() {}

  /** Returns a list that never changes. */
  static Instances fixed(List<Instance> instances) {
    return new FixedInstances(instances);
  }

  /** Subscription of a listener; closing it ends the calls. */
  @FunctionalInterface
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }
}
