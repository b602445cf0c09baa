// SPDX-License-Identifier: Apache-2.0
package kit.nacos;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import kit.discovery.CallableInstances;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Watch;
import kit.discovery.Watched;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the healthy, enabled instances of a service in Nacos.
 *
 * <pre>{@code
 * try (Instances instances = new NacosInstances(nacos, Settings.of("userservice"))) {
 *   instances.snapshot(); // empty at first; see Instances.onChange
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The HTTP API of Nacos has no push, so one thread polls: every 2 seconds by default, with a jitter
 * of a fifth, so that clients that were started together do not poll together. A change arrives
 * within one interval and a second of Nacos' own. Unhealthy instances, whose heartbeats are missing,
 * are listed by Nacos and skipped here.
 *
 * <p>Tags are read from the metadata {@code tags}, a comma-separated list, as {@link
 * NacosRegistration} writes it.
 *
 * <p><b>The last good list is kept</b> while Nacos is unreachable, and for a grace period of 30
 * seconds when the list becomes empty, see {@link Watch}: a Nacos that restarts has lost all
 * ephemeral instances until their next heartbeat.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. {@link #close} ends the request in flight and the thread.
 */
public final class NacosInstances extends Watched<List<Instance>> implements Instances {
  /** The name of the metadata that holds the tags of an instance, separated by commas. */
  static final String TAGS = "tags";

  private static final double JITTER = 0.2;

  private final NacosClient nacos;
  private final Settings settings;
  private final Watch.Timing timing;
  private final Watch<List<Instance>> watch;

  // Confined to the thread of the watch.
  private final CallableInstances callable;
  private boolean isFirst = true;

  /** Watches the instances that {@code settings} select. */
  public NacosInstances(NacosClient nacos, Settings settings) {
    this(nacos, settings, Watch.Timing.real(), LoggerFactory.getLogger(NacosInstances.class));
  }

  NacosInstances(NacosClient nacos, Settings settings, Watch.Timing timing, Logger log) {
    this.nacos = requireNonNull(nacos, "nacos");
    this.settings = requireNonNull(settings, "settings");
    this.timing = timing;
    String name = settings.service().name();
    this.callable = new CallableInstances(name, log);
    this.watch =
        new Watch<>(
            Watch.Subject.instances(name, nacos.toString(), settings.emptyGrace()),
            this::poll,
            log,
            timing);
  }

  @Override
  protected Watch<List<Instance>> watch() {
    return watch;
  }

  private void poll(Watch<List<Instance>> watch) throws IOException, InterruptedException {
    if (!isFirst) {
      double factor = 1 - JITTER / 2 + JITTER * timing.random().getAsDouble();
      Duration pause = Duration.ofNanos((long) (settings.interval().toNanos() * factor));
      timing.sleeper().sleep(watch.waitFor(pause).toNanos());
    }
    isFirst = true; // After a failure, Watch waits.
    List<NacosClient.Instance> known =
        nacos.list(settings.service(), settings.clusters()).stream()
            .filter(instance -> instance.isHealthy() && instance.isEnabled())
            .toList();
    isFirst = false;
    watch.publish(
        callable
            .of(
                known,
                instance -> instance.host() + ":" + instance.port(),
                NacosInstances::instance)
            .stream()
            .filter(instance -> instance.tags().containsAll(settings.tags()))
            .toList());
  }

  /** Returns the tags of an instance. */
  public static List<String> tags(NacosClient.Instance known) {
    String tags = known.metadata().getOrDefault(TAGS, "");
    return tags.isEmpty() ? List.of() : Arrays.asList(tags.split(","));
  }

  private static Instance instance(NacosClient.Instance known) {
    return new Instance(known.host(), known.port(), tags(known), known.metadata(), known.weight());
  }

  /**
   * Selects the instances to watch.
   *
   * @param clusters the names of the clusters; empty: all
   * @param tags an instance must have all of them
   * @param interval the time between two polls, at least 100 ms
   * @param emptyGrace how long the last list is kept after the list became empty; zero publishes the
   *     empty list at once
   */
  public record Settings(
      NacosClient.Service service,
      List<String> clusters,
      List<String> tags,
      Duration interval,
      Duration emptyGrace) {
    private static final long MIN_MILLIS = 100;

    /** Checks the ranges. */
    public Settings {
      requireNonNull(service, "service");
      clusters = List.copyOf(clusters);
      tags = List.copyOf(tags);
      if (interval.compareTo(Duration.ofMillis(MIN_MILLIS)) < 0) {
        throw new IllegalArgumentException("interval < 100 ms: " + interval);
      }
      if (emptyGrace.isNegative()) {
        throw new IllegalArgumentException("emptyGrace < 0: " + emptyGrace);
      }
    }

    /** Returns settings for all clusters, polled every 2 seconds, with a grace period of 30 s. */
    public static Settings of(String service) {
      NacosClient.Service named = NacosClient.Service.of(service);
      Duration interval = Duration.ofNanos(TimeUnit.SECONDS.toNanos(2));
      return new Settings(named, List.of(), List.of(), interval, Watch.EMPTY_GRACE);
    }
  }
}
