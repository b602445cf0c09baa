// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import kit.LogSafe;
import kit.discovery.CallableInstances;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Watch;
import kit.discovery.Watched;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the instances of a service in ZooKeeper: the child nodes of a path, whose data is {@code
 * host:port}.
 *
 * <pre>{@code
 * try (Instances instances = new ZooKeeperInstances(settings, "/services/userservice")) {
 *   instances.snapshot(); // empty at first; see Instances.onChange
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>One thread, with a session of its own, lists the children and reads each of them once, both with
 * a watch of ZooKeeper. A change is an event: the children are listed again, and only those that are
 * new or have changed are read.
 *
 * <pre>
 *   list the children --> read those that are not known --> publish --> wait for an event
 *           ^                                                                |
 *           '----------------------------------------------------------------'
 * </pre>
 *
 * <p>A change arrives within milliseconds. Changes within a tenth of a second are read together. A
 * watch outlives a broken connection; when the session has expired, everything is read again.
 *
 * <p>A path that does not exist is a service without instances; nothing is created.
 *
 * <p><b>The last good list is kept</b> while ZooKeeper is unreachable, and for a grace period of 30
 * seconds when the list becomes empty, see {@link Watch}: a ZooKeeper that lost its data responds
 * before any instance could register again.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. {@link #close} ends the thread and the session.
 */
public final class ZooKeeperInstances extends Watched<List<Instance>> implements Instances {
  private static final Duration WAIT = Duration.ofSeconds(45);
  private static final long SPACING_NANOS = Duration.ofMillis(100).toNanos();

  private final Watch<List<Instance>> watch;

  /**
   * Watches the instances of the service at {@code path}.
   *
   * @throws IllegalArgumentException if ZooKeeper does not accept the path
   */
  public ZooKeeperInstances(ZooKeeperClient.Settings settings, String path) {
    this(settings, path, Watch.EMPTY_GRACE);
  }

  /** As above; {@code emptyGrace} zero publishes an empty list at once. */
  public ZooKeeperInstances(ZooKeeperClient.Settings settings, String path, Duration emptyGrace) {
    this(
        new ZooKeeperClient(settings),
        path,
        emptyGrace,
        Watch.Timing.real(),
        LoggerFactory.getLogger(ZooKeeperInstances.class));
  }

  ZooKeeperInstances(
      ZooKeeperClient client, String path, Duration emptyGrace, Watch.Timing timing, Logger log) {
    String service = nameOf(checked(path));
    this.watch =
        new Watch<>(
            Watch.Subject.instances(service, client.toString(), emptyGrace),
            new Children(client, path, timing, new CallableInstances(service, log)),
            log,
            timing);
  }

  /** Returns the path of a service, if ZooKeeper accepts it. */
  static String checked(String path) {
    if (path.equals("/") || !ZooKeeperClient.isPath(path)) {
      throw new IllegalArgumentException(
          "not a path of a service (elements: not empty, . or .., no control characters, no"
              + " characters from U+D800 on): "
              + LogSafe.of(path));
    }
    return path;
  }

  /** Returns the last element of a path. */
  static String nameOf(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  @Override
  protected Watch<List<Instance>> watch() {
    return watch;
  }

  /** Confined to the thread of the watch. */
  private static final class Children implements Watch.Source<List<Instance>> {
    private final ZooKeeperClient client;
    private final String path;
    private final Watch.Timing timing;
    private final CallableInstances callable;
    private final Map<String, Entry> known = new TreeMap<>(); // By name of the child.

    Children(ZooKeeperClient client, String path, Watch.Timing timing, CallableInstances callable) {
      this.client = requireNonNull(client, "client");
      this.path = path;
      this.timing = timing;
      this.callable = callable;
    }

    @Override
    public void ask(Watch<List<Instance>> watch) throws IOException, InterruptedException {
      Set<String> changed;
      do {
        long readAtNanos = timing.nanoTime().getAsLong();
        watch.publish(read());
        changed = client.await(watch.waitFor(WAIT));
        changed.forEach(node -> known.remove(nameOf(node)));
        pauseUntil(readAtNanos + SPACING_NANOS);
      } while (!changed.isEmpty());
    }

    private void pauseUntil(long nanoTime) throws InterruptedException {
      long nanos = nanoTime - timing.nanoTime().getAsLong();
      if (nanos > 0) {
        timing.sleeper().sleep(nanos);
      }
    }

    private List<Instance> read() throws IOException, InterruptedException {
      Set<String> names = new TreeSet<>(client.children(path, true).orElse(List.of()));
      known.keySet().retainAll(names);
      for (String name : names) {
        if (!known.containsKey(name)) {
          entry(name).ifPresent(entry -> known.put(name, entry));
        }
      }
      List<Instance> instances =
          callable.of(known.entrySet(), Map.Entry::getKey, child -> child.getValue().orThrow());
      known.values().removeIf(entry -> !entry.isWatched); // Read again with the next list.
      return instances;
    }

    /** Reads a child; empty if it is gone by now. */
    private Optional<Entry> entry(String name) throws IOException, InterruptedException {
      try {
        return client.get(path + "/" + name, true).map(node -> Entry.of(node.data()));
      } catch (ZooKeeperClient.ZooKeeperException e) {
        if (e.code() == ZooKeeperClient.ZooKeeperException.NO_AUTH) {
          return Optional.of(Entry.unreadable()); // It must not hide the others.
        }
        throw e;
      }
    }

    @Override
    public void close() {
      client.close();
    }

    /**
     * What a child holds: an instance, or a problem.
     *
     * @param isWatched whether a change will be an event
     */
    private record Entry(Optional<Instance> instance, String problem, boolean isWatched) {
      static Entry of(String data) {
        try {
          return new Entry(Optional.of(Instance.parse(data)), "", true);
        } catch (IllegalArgumentException e) {
          return new Entry(Optional.empty(), e.getMessage(), true);
        }
      }

      static Entry unreadable() {
        return new Entry(Optional.empty(), "no permission to read it", false);
      }

      Instance orThrow() {
        return instance.orElseThrow(() -> new IllegalArgumentException(problem));
      }
    }
  }
}
