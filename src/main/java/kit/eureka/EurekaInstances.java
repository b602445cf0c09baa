// SPDX-License-Identifier: Apache-2.0
package kit.eureka;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import kit.discovery.CallableInstances;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Watch;
import kit.discovery.Watched;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the instances of a service in Eureka whose status is UP.
 *
 * <pre>{@code
 * try (Instances instances = new EurekaInstances(eureka, Settings.of("userservice"))) {
 *   instances.snapshot(); // empty at first; see Instances.onChange
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Eureka has no push, so one thread polls the list of the application: every 2 seconds by default,
 * with a jitter of a fifth, so that clients that were started together do not poll together. The server
 * responds from a cache, which is up to 30 seconds old by default: a change arrives within that time and
 * one interval.
 *
 * <p>An instance is called at its host name. One that has enabled its port for HTTPS is called there,
 * also if it has one for HTTP, as Spring Cloud's clients do: its metadata are {@code scheme} = {@code
 * https} then. Tags are read from the metadata {@code tags}, a comma-separated list, as {@link
 * EurekaRegistration} writes it.
 *
 * <p><b>The last good list is kept</b> while Eureka is unreachable, and for a grace period of 90
 * seconds when the list becomes empty, see {@link Watch}: a Eureka that restarts has lost all
 * instances until their next heartbeat, Spring's every 30 seconds, and shows them when its cache
 * expires.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. {@link #close} ends the request in flight and the thread.
 */
public final class EurekaInstances extends Watched<List<Instance>> implements Instances {
  /** The grace period for an empty list: 90 seconds, see above. */
  public static final Duration EMPTY_GRACE = Duration.ofSeconds(90);

  /** The name of the metadata that holds the tags of an instance, separated by commas. */
  static final String TAGS = "tags";

  private static final double JITTER = 0.2;

  private final EurekaClient eureka;
  private final Settings settings;
  private final Watch.Timing timing;
  private final Watch<List<Instance>> watch;

  // Confined to the thread of the watch.
  private final CallableInstances callable;
  private boolean isFirst = true;
  private boolean isVerified;

  /** Watches the instances that {@code settings} select. */
  public EurekaInstances(EurekaClient eureka, Settings settings) {
    this(eureka, settings, Watch.Timing.real(), LoggerFactory.getLogger(EurekaInstances.class));
  }

  EurekaInstances(EurekaClient eureka, Settings settings, Watch.Timing timing, Logger log) {
    this.eureka = requireNonNull(eureka, "eureka");
    this.settings = requireNonNull(settings, "settings");
    this.timing = timing;
    String name = settings.service();
    this.callable = new CallableInstances(name, log);
    this.watch =
        new Watch<>(
            Watch.Subject.instances(name, eureka.toString(), settings.emptyGrace()),
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
    List<EurekaClient.Instance> known = eureka.app(settings.service());
    if (known.isEmpty() && !isVerified) {
      eureka.verify(); // With a wrong path every service would seem to be unknown.
    }
    isVerified = true;
    isFirst = false;
    List<EurekaClient.Instance> up = known.stream().filter(EurekaClient.Instance::isUp).toList();
    watch.publish(
        callable.of(up, EurekaInstances::nameOf, EurekaInstances::instance).stream()
            .filter(instance -> instance.tags().containsAll(settings.tags()))
            .toList());
  }

  private static String nameOf(EurekaClient.Instance known) {
    return known.id() + " at " + known.host() + ":" + port(known);
  }

  /** Returns the port to be called: that for HTTPS if there is one. */
  public static int port(EurekaClient.Instance known) {
    return known.securePort() == 0 ? known.port() : known.securePort();
  }

  /** Returns the tags of an instance. */
  public static List<String> tags(EurekaClient.Instance known) {
    String tags = known.metadata().getOrDefault(TAGS, "");
    return tags.isEmpty() ? List.of() : Arrays.asList(tags.split(","));
  }

  /** Returns the metadata of an instance, with the scheme of its port. */
  public static Map<String, String> meta(EurekaClient.Instance known) {
    Map<String, String> meta = new HashMap<>(known.metadata());
    if (known.securePort() != 0) {
      meta.put(Instance.SCHEME, "https");
    }
    return meta;
  }

  private static Instance instance(EurekaClient.Instance known) {
    return new Instance(known.host(), port(known), tags(known), meta(known));
  }

  /**
   * Selects the instances to watch.
   *
   * @param service the name of the application; case is ignored
   * @param tags an instance must have all of them
   * @param interval the time between two polls, at least 100 ms
   * @param emptyGrace how long the last list is kept after the list became empty; zero publishes the
   *     empty list at once
   */
  public record Settings(
      String service, List<String> tags, Duration interval, Duration emptyGrace) {
    private static final long MIN_MILLIS = 100;

    /** Checks the ranges. */
    public Settings {
      EurekaClient.check("application", service);
      tags = List.copyOf(tags);
      if (interval.compareTo(Duration.ofMillis(MIN_MILLIS)) < 0) {
        throw new IllegalArgumentException("interval < 100 ms: " + interval);
      }
      if (emptyGrace.isNegative()) {
        throw new IllegalArgumentException("emptyGrace < 0: " + emptyGrace);
      }
    }

    /** Returns settings for a poll every 2 seconds, with a grace period of 90 s. */
    public static Settings of(String service) {
      return new Settings(service, List.of(), Duration.ofSeconds(2), EMPTY_GRACE);
    }
  }
}
