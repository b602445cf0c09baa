// SPDX-License-Identifier: Apache-2.0
package kit.etcd;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import kit.LogSafe;
import kit.discovery.CallableInstances;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.OutageLog;
import kit.discovery.Watch;
import kit.discovery.Watched;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Watches the instances of a service in etcd: the keys under {@code /services/NAME/}, whose values
 * are {@code host:port}.
 *
 * <pre>{@code
 * try (Instances instances = new EtcdInstances(etcd, "userservice")) {
 *   instances.snapshot(); // empty at first; see Instances.onChange
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>One thread lists all keys, and then watches them <em>from the revision of the list, plus
 * 1</em>: no change in between is missed, and changes arrive within milliseconds.
 *
 * <pre>
 *        .-----------------------------------------------.
 *        v                                               |  after 45 s, the watch is lost,
 *   list all keys --> revision r --> watch from r + 1 ---'  or r + 1 has been compacted
 *        |                                ^   |
 *        v etcd is unreachable            '---'  change: publish
 *   keep the list, back off
 * </pre>
 *
 * <p>It lists again every 45 seconds because a dead connection cannot be distinguished from an idle
 * one. The prefix ends in a slash: {@code /services/web} would match the instances of {@code
 * webshop}, too.
 *
 * <p><b>The last good list is kept</b> while etcd is unreachable. It is also kept, for 30 seconds,
 * when the list becomes empty: an etcd that lost its data responds at once, before any instance
 * could register again; and leases expire, so a network that separates all services from etcd for
 * 10 seconds looks the same.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. {@link #close} ends the request in flight and the thread.
 */
public final class EtcdInstances extends Watched<List<Instance>> implements Instances {
  private static final Duration WAIT = Duration.ofSeconds(45);
  private static final long BRIEF_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int MAX_BRIEF_WATCHES = 3;

  private final Logger log;
  private final EtcdClient etcd;
  private final String prefix;
  private final LongSupplier nanoTime;
  private final OutageLog watchOutage;
  private final Watch<List<Instance>> watch;

  // Confined to the thread of the watch.
  private final Map<String, EtcdClient.Entry> known = new TreeMap<>(); // By key.
  private final CallableInstances callable;
  private int briefWatches; // Consecutive failures within a second each.

  /** Watches the instances of {@code service}. */
  public EtcdInstances(EtcdClient etcd, String service) {
    this(etcd, service, Watch.EMPTY_GRACE);
  }

  /** As above; {@code emptyGrace} zero publishes an empty list at once. */
  public EtcdInstances(EtcdClient etcd, String service, Duration emptyGrace) {
    this(
        etcd,
        service,
        emptyGrace,
        Watch.Timing.real(),
        LoggerFactory.getLogger(EtcdInstances.class));
  }

  EtcdInstances(
      EtcdClient etcd, String service, Duration emptyGrace, Watch.Timing timing, Logger log) {
    this.log = log;
    this.etcd = requireNonNull(etcd, "etcd");
    this.prefix = prefix(service);
    this.callable = new CallableInstances(service, log);
    this.nanoTime = timing.nanoTime();
    this.watchOutage = new OutageLog(log, "hearing of changes from " + etcd, Level.WARN, nanoTime);
    this.watch =
        new Watch<>(
            Watch.Subject.instances(service, etcd.toString(), emptyGrace), this::ask, log, timing);
  }

  /** Returns the prefix of the keys of a service. */
  static String prefix(String service) {
    if (service.isEmpty() || service.contains("/")) {
      throw new IllegalArgumentException(
          "name of a service empty or with a slash: " + LogSafe.of(service));
    }
    return "/services/" + service + "/";
  }

  @Override
  protected Watch<List<Instance>> watch() {
    return watch;
  }

  private void ask(Watch<List<Instance>> watch) throws IOException, InterruptedException {
    EtcdClient.Listing all = etcd.list(prefix);
    known.clear();
    all.entries().forEach(entry -> known.put(entry.key(), entry));
    watch.publish(instances());
    long startNanos = nanoTime.getAsLong();
    try {
      etcd.watch(prefix, all.revision() + 1, watch.waitFor(WAIT), changes -> take(changes, watch));
      watchWorked();
    } catch (IOException e) {
      // A watch ends like this when a member stops; the next list finds another member, if any.
      boolean isBrief = nanoTime.getAsLong() - startNanos < BRIEF_NANOS;
      briefWatches = isBrief ? briefWatches + 1 : 0;
      if (briefWatches >= MAX_BRIEF_WATCHES) {
        watchOutage.failed(e, "polling every second");
      }
    }
  }

  /** Publishes changes; returns whether to continue the watch. */
  private boolean take(List<EtcdClient.Event> changes, Watch<List<Instance>> watch) {
    for (EtcdClient.Event change : changes) {
      if (change.isDeletion()) {
        known.remove(change.entry().key());
      } else {
        known.put(change.entry().key(), change.entry());
      }
    }
    watchWorked();
    watch.publish(instances());
    return !known.isEmpty(); // If empty, Watch.waitFor may allow less time.
  }

  private void watchWorked() {
    briefWatches = 0;
    watchOutage.worked();
  }

  private List<Instance> instances() {
    return callable.of(
        known.values(), EtcdClient.Entry::key, entry -> Instance.parse(entry.value()));
  }
}
