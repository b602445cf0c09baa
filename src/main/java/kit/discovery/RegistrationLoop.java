// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/**
 * Base class of registrations: one thread registers the instance, renews the registration, and
 * deregisters it when closed.
 *
 * <pre>
 *          the registry is unreachable: retry after 0.25 to 5 s
 *          .------.
 *          v      |
 *   start -> keep -+--> pause, as long as keep returned --> keep ...
 *
 *   close -> (its request ends) -> remove
 * </pre>
 *
 * <p>All requests are sent by one thread, so a late registration cannot overtake the deregistration
 * and leave a stale entry.
 *
 * <h2>Errors</h2>
 *
 * <p>No error reaches the caller: the service keeps serving without the registry. An outage is
 * logged in two lines, its beginning and its end.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. {@link #close} takes at most 2 seconds; if the registry has not responded by
 * then, the thread continues as a daemon and deregisters as soon as it can.
 */
public abstract class RegistrationLoop implements Registration {
  private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(2);

  private final Logger log;
  private final String id;
  private final String registry;
  private final OutageLog outage;
  private final RequestPacer pacer = new RequestPacer();

  // Guarded by this.
  private Thread thread; // Null until the start.
  private boolean closed;

  private volatile boolean registered;

  /**
   * Creates a registration that is not started yet.
   *
   * @param log the log of the subclass
   * @param id names the instance in the log
   * @param registry names the registry in the log, without secrets
   */
  protected RegistrationLoop(Logger log, String id, String registry) {
    this.log = requireNonNull(log, "log");
    this.id = requireNonNull(id, "id");
    this.registry = requireNonNull(registry, "registry");
    this.outage =
        new OutageLog(
            log, "registration of " + id + " with " + registry, Level.INFO, System::nanoTime);
  }

  /**
   * Registers the instance, or renews its registration.
   *
   * @return the time until the next call
   * @throws IOException if the registration may be lost: the call is retried soon
   */
  protected abstract Duration keep() throws IOException, InterruptedException;

  /** Deregisters what {@link #keep} may have registered; called once, last. */
  protected abstract void remove() throws IOException, InterruptedException;

  @Override
  public final synchronized void start() {
    if (thread == null && !closed) {
      thread = new Thread(this::run, "registration-" + id);
      thread.setDaemon(true);
      thread.start();
    }
  }

  @Override
  public final boolean isRegistered() {
    return registered;
  }

  @Override
  public final void close() {
    Thread ending;
    synchronized (this) {
      closed = true;
      notifyAll();
      ending = thread;
    }
    if (ending == null) {
      return;
    }
    try {
      TimeUnit.NANOSECONDS.timedJoin(ending, CLOSE_NANOS);
      if (ending.isAlive()) {
        log.warn("{} is not deregistered yet: {} is unreachable", id, registry);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    long pauseNanos = 0;
    boolean attempted = false;
    while (!closedWithin(pauseNanos)) {
      attempted = true;
      try {
        pauseNanos = keep().toNanos();
        outage.worked();
        pacer.succeeded();
        registered = true; // Last: by then the log line has been written.
      } catch (InterruptedException e) {
        break; // The toolkit never interrupts this thread; an interruption is a request to end.
      } catch (Throwable e) { // The thread must go on: it also deregisters.
        registered = false;
        outage.failed(exception(e), "serving unregistered, retrying");
        pauseNanos = pacer.nanosAfterFailure();
      }
    }
    if (attempted) {
      deregister();
    }
  }

  /** Waits {@code nanos}; returns true as soon as this is closed. */
  private synchronized boolean closedWithin(long nanos) {
    long deadlineNanos = System.nanoTime() + nanos;
    try {
      for (long left = nanos; !closed && left > 0; left = deadlineNanos - System.nanoTime()) {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException e) {
      closed = true;
    }
    return closed;
  }

  private void deregister() {
    try {
      remove();
    } catch (InterruptedException e) {
      log.warn("{} is not deregistered: interrupted", id);
    } catch (Throwable e) {
      log.warn(
          "{} is not deregistered: {} failed: {}", id, registry, OutageLog.cause(exception(e)));
    }
    registered = false;
  }

  private static Exception exception(Throwable e) {
    return e instanceof Exception known ? known : new Exception(e);
  }
}
