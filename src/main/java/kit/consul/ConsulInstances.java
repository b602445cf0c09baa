// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import kit.discovery.CallableInstances;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Watch;
import kit.discovery.Watched;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the healthy instances of a service in Consul.
 *
 * <pre>{@code
 * try (Instances instances = new ConsulInstances(consul, "userservice")) {
 *   instances.snapshot(); // empty at first; see Instances.onChange
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>One thread sends <em>blocking queries</em>: Consul responds when something has changed, or
 * after 45 seconds. Changes thus arrive within milliseconds, and an idle watch costs a request a
 * minute. {@code BlockingQuery} has the rules.
 *
 * <p><b>The last good list is kept</b> while Consul is unreachable, and for a grace period of 30
 * seconds when the list becomes empty, see {@link Watch}.
 *
 * <p>An instance that cannot be called (port 0, no address, a host that {@link Instance} rejects)
 * is skipped, with one warning. There is another warning when Consul hides instances that the token
 * may not read.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. {@link #close} cancels the query in flight and ends the thread.
 * Each change costs a response with the whole list.
 */
public final class ConsulInstances extends Watched<List<Instance>> implements Instances {
  private final Logger log;
  private final ConsulClient consul;
  private final Settings settings;
  private final Watch<List<Instance>> watch;

  // Confined to the thread of the watch.
  private final CallableInstances callable;
  private boolean filtered; // Already warned of.

  /** Watches the instances of {@code service} that pass all their checks. */
  public ConsulInstances(ConsulClient consul, String service) {
    this(consul, Settings.of(service));
  }

  /** Watches the instances that {@code settings} select. */
  public ConsulInstances(ConsulClient consul, Settings settings) {
    this(consul, settings, Watch.Timing.real(), LoggerFactory.getLogger(ConsulInstances.class));
  }

  ConsulInstances(ConsulClient consul, Settings settings, Watch.Timing timing, Logger log) {
    this.log = log;
    this.consul = requireNonNull(consul, "consul");
    this.settings = requireNonNull(settings, "settings");
    this.callable = new CallableInstances(settings.service(), log);
    this.watch =
        new Watch<>(
            Watch.Subject.instances(settings.service(), consul.toString(), settings.emptyGrace()),
            new BlockingQuery<>(this::ask),
            log,
            timing);
  }

  @Override
  protected Watch<List<Instance>> watch() {
    return watch;
  }

  private BlockingQuery.Snapshot<List<Instance>> ask(long index, Duration atMost)
      throws IOException, InterruptedException {
    ConsulClient.Health health = consul.health(settings.query(index, atMost));
    tellOfFilter(health.filteredByAcl());
    return new BlockingQuery.Snapshot<>(instances(health.entries()), health.index());
  }

  private void tellOfFilter(boolean isFiltered) {
    if (isFiltered && !filtered) {
      log.warn("{}: {} hides instances from this token", settings.service(), consul);
    }
    filtered = isFiltered;
  }

  private List<Instance> instances(List<ConsulClient.Entry> entries) {
    List<ConsulClient.Service> healthy =
        entries.stream().filter(this::isHealthy).map(ConsulClient.Entry::service).toList();
    return callable.of(healthy, ConsulClient.Service::id, ConsulInstances::instance);
  }

  /**
   * Returns whether an instance is healthy by the settings; Consul returns either passing ones or
   * all.
   */
  private boolean isHealthy(ConsulClient.Entry entry) {
    return !settings.withWarnings() || entry.status() != ConsulClient.Status.CRITICAL;
  }

  private static Instance instance(ConsulClient.Service service) {
    return new Instance(service.host(), service.port(), service.tags(), service.meta());
  }

  /**
   * Selects the instances to watch.
   *
   * @param tags an instance must have them all
   * @param withWarnings whether instances with a warning check are included
   * @param stale whether any server of Consul may respond, also without a leader: less load on the
   *     leader, with data that may be some milliseconds older
   * @param emptyGrace how long the last list is kept after the list became empty; zero publishes
   *     the empty list at once
   */
  public record Settings(
      String service, List<String> tags, boolean withWarnings, boolean stale, Duration emptyGrace) {
    /** Checks the ranges. */
    public Settings {
      requireNonNull(service, "service");
      tags = List.copyOf(tags);
      if (emptyGrace.isNegative()) {
        throw new IllegalArgumentException("emptyGrace < 0: " + emptyGrace);
      }
    }

    /**
     * Returns settings for passing instances with any tags, read from the leader, with a grace
     * period of 30 seconds.
     */
    public static Settings of(String service) {
      return new Settings(service, List.of(), false, false, Watch.EMPTY_GRACE);
    }

    /** Returns these settings for instances with all {@code tags}. */
    public Settings withTags(List<String> tags) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    /** Returns these settings with or without instances whose checks warn. */
    public Settings withWarnings(boolean withWarnings) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    /** Returns these settings with reads from any server, or from the leader. */
    public Settings withStale(boolean stale) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    /** Returns these settings with another grace period. */
    public Settings withEmptyGrace(Duration emptyGrace) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    private ConsulClient.HealthQuery query(long index, Duration atMost) {
      return new ConsulClient.HealthQuery(service, tags, !withWarnings, stale, index, atMost);
    }
  }
}
