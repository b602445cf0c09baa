// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.time.Duration;
import java.util.Optional;

/**
 * The public side of a {@link Watch}, for implementations of {@link Instances} and {@link Services}:
 * these hold the watch and its source, and inherit the rest.
 *
 * <p>Thread-safe.
 *
 * @param <T> the content: immutable, and equal if nothing has changed
 */
public abstract class Watched<T> implements AutoCloseable {
  /** Returns the watch, each time the same. */
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

  /** Stops watching. The last snapshot stays. */
  @Override
  public final void close() {
    watch().close();
  }
}
