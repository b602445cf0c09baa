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
 * Watches the healthy instances of one service in Consul.
 *
 * <pre>{@code
 * try (Instances instances = new ConsulInstances(consul, "userservice")) {
 *   instances.snapshot(); // empty at first; see Instances.onChange
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>One thread asks with a <em>blocking query</em>: Consul holds the answer back until something has
 * changed, or for 45 seconds. A change is thus known within milliseconds, and an idle watch costs a
 * request a minute. {@code BlockingQuery} has the rules.
 *
 * <p><b>The last good list stays</b> when Consul does not answer, and for a grace of 30 seconds when
 * the answer is empty but was not before, see {@link Watch}.
 *
 * <p>An instance that cannot be called (port 0, no address, a host that {@link Instance} rejects) is left
 * out, with one warning. So is there one when Consul leaves out instances itself, because the token may not see them.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads. {@link #close} cancels the query in flight and ends the thread.
 * Each change costs a response with the whole list.
 */
public final class ConsulInstances extends Watched<List<Instance>> implements Instances {
  private final Logger log;
  private final ConsulClient consul;
  private final Settings settings;
  private final Watch<List<Instance>> watch;

  // Confined to the thread of the watch.
  private final CallableInstances callable;
  private boolean filtered; // Warned of already.

  /** Watches the instances of {@code service} that pass all their checks. */
  public ConsulInstances(ConsulClient consul, String service) {
    this(consul, Settings.of(service));
  }

  /** Watches as {@code settings} say. */
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

  /** Consul returns either those that pass, or all. */
  private boolean isHealthy(ConsulClient.Entry entry) {
    return !settings.withWarnings() || entry.status() != ConsulClient.Status.CRITICAL;
  }

  private static Instance instance(ConsulClient.Service service) {
    return new Instance(service.host(), service.port(), service.tags(), service.meta());
  }

  /**
   * What to watch.
   *
   * @param tags an instance must have them all
   * @param withWarnings whether instances with a check that warns are good enough
   * @param stale whether any server of Consul may answer, also without a leader: less work for the
   *     leader, for news that may be some milliseconds older
   * @param emptyGrace how long the last list is kept when Consul says that nobody is left; zero
   *     believes it at once
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

    /** Any tags, only those that pass, as the leader knows them, a grace of 30 seconds. */
    public static Settings of(String service) {
      return new Settings(service, List.of(), false, false, Watch.EMPTY_GRACE);
    }

    /** Returns these settings for instances with all these tags. */
    public Settings withTags(List<String> tags) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    /** Returns these settings, with or without instances that warn. */
    public Settings withWarnings(boolean withWarnings) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    /** Returns these settings with answers of any server, or of the leader. */
    public Settings withStale(boolean stale) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    /** Returns these settings with another grace. */
    public Settings withEmptyGrace(Duration emptyGrace) {
      return new Settings(service, tags, withWarnings, stale, emptyGrace);
    }

    private ConsulClient.HealthQuery query(long index, Duration atMost) {
      return new ConsulClient.HealthQuery(service, tags, !withWarnings, stale, index, atMost);
    }
  }
}
