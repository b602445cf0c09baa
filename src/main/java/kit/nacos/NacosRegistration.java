// SPDX-License-Identifier: Apache-2.0
package kit.nacos;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import kit.discovery.Instance;
import kit.discovery.RegistrationLoop;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Registers an instance with Nacos and keeps it registered with heartbeats.
 *
 * <pre>{@code
 * Registration registration =
 *     new NacosRegistration(nacos, NacosClient.Service.of("userservice"), "DEFAULT", instance);
 * registration.start(); // when the port accepts connections
 * ...
 * registration.close();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The instance is ephemeral: without heartbeats it is unhealthy after 15 seconds and removed after 30.
 * A heartbeat is sent at the interval that the server names, 5 seconds by default. When the server
 * does not know the instance (code 21003), because it was restarted or removed the instance during a
 * pause of this process, it is registered again.
 *
 * <pre>
 *   register --> pause --> heartbeat --> pause ...
 *      ^                      |
 *      '----------------------'  unknown
 *
 *   close --> deregister
 * </pre>
 *
 * <p>Address and port identify an instance, so one that is restarted replaces its predecessor. Its
 * tags are registered as the metadata {@code tags}, separated by commas, together with as much of its
 * metadata as Nacos accepts, 1,024 characters.
 */
public final class NacosRegistration extends RegistrationLoop {
  private final Logger log;
  private final NacosClient nacos;
  private final NacosClient.Service service;
  private final NacosClient.Instance instance;
  private final String id;

  // Confined to the thread of the registration.
  private boolean isKnown;
  private Duration interval;

  /** Creates a registration of {@code instance} in {@code cluster}, usually DEFAULT. */
  public NacosRegistration(
      NacosClient nacos, NacosClient.Service service, String cluster, Instance instance) {
    this(nacos, service, cluster, instance, LoggerFactory.getLogger(NacosRegistration.class));
  }

  NacosRegistration(
      NacosClient nacos,
      NacosClient.Service service,
      String cluster,
      Instance instance,
      Logger log) {
    super(log, service.name() + "-" + instance.authority(), nacos.toString());
    this.log = log;
    this.nacos = requireNonNull(nacos, "nacos");
    this.service = service;
    this.id = service.name() + "-" + instance.authority();
    this.instance =
        NacosClient.Instance.of(instance.host(), instance.port())
            .in(cluster, metadata(instance, log));
    this.interval = this.instance.heartbeatInterval();
  }

  // The tags and the scheme, which calls need, and as many of the other entries as Nacos accepts.
  private static Map<String, String> metadata(Instance instance, Logger log) {
    Map<String, String> metadata = new TreeMap<>();
    if (!instance.tags().isEmpty()) {
      metadata.put(NacosInstances.TAGS, String.join(",", instance.tags()));
    }
    if (instance.scheme().equals("https")) {
      metadata.put(Instance.SCHEME, "https");
    }
    Set<String> omitted = new TreeSet<>();
    for (Map.Entry<String, String> entry : new TreeMap<>(instance.meta()).entrySet()) {
      boolean isNew = metadata.putIfAbsent(entry.getKey(), entry.getValue()) == null;
      if (isNew && !NacosClient.fits(metadata)) {
        metadata.remove(entry.getKey());
        omitted.add(entry.getKey());
      }
    }
    if (!omitted.isEmpty()) {
      log.warn("metadata > 1024 characters, not registered with Nacos: {}", omitted);
    }
    return metadata;
  }

  @Override
  protected Duration keep() throws IOException, InterruptedException {
    if (isKnown && !nacos.heartbeat(service, instance)) {
      log.warn("{} has lost {}: registering again", nacos, id);
      isKnown = false;
    }
    if (!isKnown) {
      nacos.register(service, instance);
      isKnown = true;
      interval = expectedInterval();
      log.info("registered {} with {}", id, nacos);
    }
    // Jitter: instances that were started together do not send together.
    double factor = ThreadLocalRandom.current().nextDouble(0.8, 1);
    return Duration.ofNanos((long) (interval.toNanos() * factor));
  }

  private Duration expectedInterval() throws IOException, InterruptedException {
    for (NacosClient.Instance known : nacos.list(service, List.of(instance.cluster()))) {
      boolean isThis = known.host().equals(instance.host()) && known.port() == instance.port();
      if (isThis
          && !known.heartbeatInterval().isNegative()
          && !known.heartbeatInterval().isZero()) {
        return known.heartbeatInterval();
      }
    }
    return instance.heartbeatInterval(); // Not listed yet.
  }

  @Override
  protected void remove() throws IOException, InterruptedException {
    nacos.deregister(service, instance);
    log.info("deregistered {}", id);
  }
}
