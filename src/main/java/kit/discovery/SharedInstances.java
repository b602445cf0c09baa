// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/**
 * Lets all users of a service in one process share one watch: the first one opens it, the last one
 * closes it.
 *
 * <pre>{@code
 * SharedInstances<String> shared = new SharedInstances<>(name -> new ConsulInstances(consul, name));
 * Instances mine = shared.open("userservice");
 * Instances yours = shared.open("userservice"); // no second watch
 * mine.close(); // yours goes on
 * }</pre>
 *
 * <p>A watch costs a thread, a connection and, with each change, an answer with the whole list; and a
 * registry bounds how many connections a client may have (Consul: 200).
 *
 * <p>What is opened is as good as a watch of one's own: closing it ends the calls to its listeners,
 * and its last snapshot stays.
 *
 * <p>Safe for any number of threads. Nothing foreign is called under the lock: two that open the same
 * service at the same moment may both open a watch, and the second one is closed again.
 *
 * @param <K> what tells watches apart: the name of the service, or a record with its tags
 */
public final class SharedInstances<K> {
  private final Function<K, Instances> factory;
  private final Map<K, Watch> watches = new HashMap<>(); // Guarded by this.

  /** Opens watches with {@code factory}, and closes what it returns. */
  public SharedInstances(Function<K, Instances> factory) {
    this.factory = requireNonNull(factory, "factory");
  }

  /** Returns the watch of {@code key}; the caller closes it as if it were its own. */
  public Instances open(K key) {
    Watch watch = use(key, null);
    if (watch == null) {
      Instances fresh = factory.apply(key);
      watch = use(key, fresh);
      if (watch.instances != fresh) {
        fresh.close();
      }
    }
    return new View(key, watch);
  }

  /** Counts one more user; without a watch so far, of {@code fresh}, if that is not null. */
  private synchronized Watch use(K key, Instances fresh) {
    Watch watch = watches.get(key);
    if (watch == null && fresh != null) {
      watch = new Watch(fresh);
      watches.put(key, watch);
    }
    if (watch != null) {
      watch.users++;
    }
    return watch;
  }

  /** Returns whether that was the last user. */
  private synchronized boolean release(K key, Watch watch) {
    watch.users--;
    return watch.users == 0 && watches.remove(key, watch);
  }

  private static final class Watch {
    final Instances instances;
    int users; // Guarded by the SharedInstances. At 0 it is out of the map for good.

    Watch(Instances instances) {
      this.instances = instances;
    }
  }

  /** The watch as one of its users sees it. */
  private final class View implements Instances {
    private final K key;
    private final Watch watch;
    private final Set<Subscription> subscriptions = ConcurrentHashMap.newKeySet();
    private final AtomicReference<List<Instance>> last = new AtomicReference<>(); // Once closed.

    View(K key, Watch watch) {
      this.key = key;
      this.watch = watch;
    }

    @Override
    public List<Instance> snapshot() {
      List<Instance> kept = last.get();
      return kept == null ? watch.instances.snapshot() : kept;
    }

    @Override
    public Subscription onChange(Runnable listener) {
      Subscription subscription = watch.instances.onChange(listener);
      subscriptions.add(subscription);
      if (last.get() != null) { // Closed, perhaps just now.
        subscription.close();
      }
      return () -> {
        subscription.close();
        subscriptions.remove(subscription);
      };
    }

    @Override
    public boolean awaitFirst(Duration patience) throws InterruptedException {
      return watch.instances.awaitFirst(patience);
    }

    @Override
    public Optional<Exception> failure() {
      return watch.instances.failure();
    }

    @Override
    public void close() {
      if (!last.compareAndSet(null, watch.instances.snapshot())) {
        return;
      }
      subscriptions.forEach(Subscription::close);
      if (release(key, watch)) {
        watch.instances.close();
      }
    }
  }
}
