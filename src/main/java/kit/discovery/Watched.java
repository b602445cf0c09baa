// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.time.Duration;
import java.util.Optional;

/**
 * Base class for implementations of {@link Instances} and {@link Services} that delegate to a
 * {@link Watch}.
 *
 * <p>Thread-safe.
 *
 * @param <T> the content: immutable, and equal if nothing has changed
 */
public abstract class Watched<T> implements AutoCloseable {
  /** Returns the watch, always the same one. */
  protected abstract Watch<T> watch();

  /** See {@link Instances#snapshot}. */
  public final T snapshot() {
    return watch().snapshot();
  }

  /** See {@link Instances#onChange}. */
  public final Instances.Subscription onChange(Runnable listener) {
    return watch().onChange(listener);
  }

  /** See {@link Instances#awaitFirst}. */
  public final boolean awaitFirst(Duration patience) throws InterruptedException {
    return watch().awaitFirst(patience);
  }

  /** See {@link Instances#failure}. */
  public final Optional<Exception> failure() {
    return watch().failure();
  }

  /** Stops watching; the last snapshot remains available. */
  @Override
  public final void close() {
    watch().close();
  }
}
