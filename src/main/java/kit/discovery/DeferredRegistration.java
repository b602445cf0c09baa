// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** A registration that is made at its start; see {@link Registration#deferred}. */
final class DeferredRegistration implements Registration {
  private final Supplier<Registration> factory;
  private final AtomicBoolean started = new AtomicBoolean();

  // Guarded by this.
  private Registration made; // Null before the start.
  private boolean closed;

  DeferredRegistration(Supplier<Registration> factory) {
    this.factory = factory;
  }

  @Override
  public void start() {
    if (!started.compareAndSet(false, true)) {
      return;
    }
    Registration fresh = factory.get();
    synchronized (this) {
      if (closed) {
        return;
      }
      made = fresh;
    }
    fresh.start(); // Does nothing if close() has come in between.
  }

  @Override
  public boolean isRegistered() {
    Registration current = made();
    return current != null && current.isRegistered();
  }

  @Override
  public void close() {
    Registration current;
    synchronized (this) {
      closed = true;
      current = made;
    }
    if (current != null) {
      current.close();
    }
  }

  private synchronized Registration made() {
    return made;
  }
}
