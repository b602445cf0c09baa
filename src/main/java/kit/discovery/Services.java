// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Knows which services there are as they come and go: for a gateway, or for people.
 *
 * <p>A service is in the list as long as one instance is registered, healthy or not. A registry that
 * has restarted without its data lists few until they have registered again: whoever keeps something
 * for each service should not throw it away at once.
 *
 * <p>Safe for any number of threads. What each method promises is said in {@link Instances}.
 */
public interface Services extends AutoCloseable {
  /** Returns the tags in use by name of service, both sorted, without waiting. */
  Map<String, List<String>> snapshot();

  /** Has {@code listener} called after each change of the snapshot, until the result is closed. */
  Instances.Subscription onChange(Runnable listener);

  /** Waits until the registry has answered for the first time; returns whether it has. */
  boolean awaitFirst(Duration patience) throws InterruptedException;

  /** Returns why the snapshot may be out of date, or empty if the registry answers. */
  Optional<Exception> failure();

  /** Stops watching. The last snapshot stays. */
  @Override
  void close();
}
