// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Watches the names of all services in a registry, for a gateway or a listing.
 *
 * <p>A service is listed while at least one instance is registered, healthy or not. A registry that
 * restarted without its data lists few services until they have registered again: keep state per
 * service for a while after its name has gone.
 *
 * <p>Thread-safe. The contract of each method is that of {@link Instances}.
 */
public interface Services extends AutoCloseable {
  /** Returns the tags in use by service name, both sorted, without waiting. */
  Map<String, List<String>> snapshot();

  /** Subscribes {@code listener} to changes of the snapshot, until the result is closed. */
  Instances.Subscription onChange(Runnable listener);

  /**
   * Waits for the first response of the registry; returns whether it came within {@code patience}.
   */
  boolean awaitFirst(Duration patience) throws InterruptedException;

  /** Returns why the snapshot may be out of date, or empty if the registry responds. */
  Optional<Exception> failure();

  /** Stops watching; the last snapshot remains available. */
  @Override
  void close();
}
