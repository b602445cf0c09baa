// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Knows the instances of one service as they come and go.
 *
 * <p>Take the {@link #snapshot} for each call. A list that was taken once is wrong as soon as
 * somebody deploys.
 *
 * <p>Safe for any number of threads.
 *
 * <p>Go kit's word: {@code sd.Instancer}.
 */
public interface Instances extends AutoCloseable {
  /**
   * Returns the instances known at the moment, without waiting: an immutable list without
   * duplicates, the same object until something changes.
   */
  List<Instance> snapshot();

  /**
   * Has {@code listener} called after each change of the snapshot, until the result is closed.
   *
   * <p>The listener runs on the registry's thread, outside all locks. It should be quick; what it
   * throws is logged and harms nobody. A change just before this call may have been missed: take a
   * snapshot afterwards.
   */
  Subscription onChange(Runnable listener);

  /**
   * Waits until the registry has answered for the first time, be it that there are no instances.
   *
   * @return whether it has, within {@code patience}
   */
  boolean awaitFirst(Duration patience) throws InterruptedException;

  /** Returns why the snapshot may be out of date, or empty if the registry answers. */
  default Optional<Exception> failure() {
    return Optional.empty();
  }

  /** Stops watching. The last snapshot stays. */
  @Override
  default void close() {}

  /** Returns a list that never changes. */
  static Instances fixed(List<Instance> instances) {
    return new FixedInstances(instances);
  }

  /** Ends the calls to a listener. */
  @FunctionalInterface
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }
}
