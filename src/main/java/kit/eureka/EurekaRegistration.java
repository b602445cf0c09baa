// SPDX-License-Identifier: Apache-2.0
package kit.eureka;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import kit.discovery.Instance;
import kit.discovery.RegistrationLoop;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Registers an instance with Eureka and keeps it registered with heartbeats.
 *
 * <pre>{@code
 * Registration registration =
 *     new EurekaRegistration(
 *         eureka, "userservice", "userservice-10.0.0.5-8081", instance, Duration.ofSeconds(10));
 * registration.start(); // when the port accepts connections
 * ...
 * registration.close();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Without heartbeats a registration expires, see {@link EurekaClient#register}. When the server does
 * not know the instance (404), because it was restarted, or the registration expired during a pause of this
 * process, it is registered again.
 *
 * <pre>
 *                 every sixth time: check
 *                    .----------------.
 *                    v                |
 *   register --> pause --> heartbeat -+
 *      ^                              |
 *      '------------------------------'  unknown, or the entry is another's
 *
 *   close --> deregister, unless the entry is another's
 * </pre>
 *
 * <p>A heartbeat does not show what is registered, therefore the check: it reads the entry. An entry that
 * another instance has replaced is registered again. A status that an operator has overridden, such as
 * OUT_OF_SERVICE, is logged and respected.
 *
 * <p>The port of an instance whose {@link Instance#scheme} is https is registered as its port for HTTPS,
 * and the one for HTTP is disabled. Its tags are registered as the metadata {@code tags}, separated by
 * commas, together with its metadata.
 *
 * <h2>Why closing deregisters at once</h2>
 *
 * <p>Setting OUT_OF_SERVICE first would be no faster: caches of the server and of clients learn of a
 * changed status and of a deleted entry in the same way. And it would be an override of the status, which
 * outlives the entry of an instance that is killed while it drains: under the same id, its successor
 * would be registered and not be called.
 */
public final class EurekaRegistration extends RegistrationLoop {
  private static final int HEARTBEATS_PER_CHECK = 6;

  private final Logger log;
  private final EurekaClient eureka;
  private final EurekaClient.Instance instance;
  private final Duration renewal;

  // Confined to the thread of the registration.
  private boolean isKnown;
  private int heartbeatsUntilCheck;
  private String shown = "UP"; // At the last check.

  /**
   * Creates a registration of {@code instance} of the application {@code service}.
   *
   * @param id identifies the instance within the application
   * @param renewal the interval of heartbeats, whole seconds, at least 1; usually 10 s
   */
  public EurekaRegistration(
      EurekaClient eureka, String service, String id, Instance instance, Duration renewal) {
    this(eureka, service, id, instance, renewal, LoggerFactory.getLogger(EurekaRegistration.class));
  }

  EurekaRegistration(
      EurekaClient eureka,
      String service,
      String id,
      Instance instance,
      Duration renewal,
      Logger log) {
    super(log, id, eureka.toString());
    EurekaClient.check("application", service);
    EurekaClient.check("id", id);
    this.log = log;
    this.eureka = requireNonNull(eureka, "eureka");
    boolean isSecure = instance.scheme().equals("https");
    this.instance =
        new EurekaClient.Instance(
            service,
            id,
            instance.host(),
            isSecure ? 0 : instance.port(),
            isSecure ? instance.port() : 0,
            "UP",
            metadata(instance));
    this.renewal = requireNonNull(renewal, "renewal");
  }

  private static Map<String, String> metadata(Instance instance) {
    Map<String, String> metadata = new TreeMap<>(instance.meta());
    if (!instance.tags().isEmpty()) {
      metadata.put(EurekaInstances.TAGS, String.join(",", instance.tags()));
    }
    return metadata;
  }

  @Override
  protected Duration keep() throws IOException, InterruptedException {
    if (isKnown) {
      isKnown = eureka.heartbeat(instance.app(), instance.id()) && isOursIfCheckIsDue();
      if (!isKnown) {
        log.warn("{} has lost or changed {}: registering again", eureka, instance.id());
      }
    }
    if (!isKnown) {
      eureka.register(instance, renewal);
      isKnown = true;
      log.info("registered {} with {}", instance.id(), eureka);
    }
    // Jitter: instances that were started together do not send together.
    double factor = ThreadLocalRandom.current().nextDouble(0.8, 1);
    return Duration.ofNanos((long) (renewal.toNanos() * factor));
  }

  private boolean isOursIfCheckIsDue() throws IOException, InterruptedException {
    if (heartbeatsUntilCheck > 0) {
      heartbeatsUntilCheck--;
      return true;
    }
    Optional<EurekaClient.Instance> entry = eureka.instance(instance.app(), instance.id());
    heartbeatsUntilCheck = HEARTBEATS_PER_CHECK - 1;
    if (entry.isEmpty() || !isOurs(entry.get())) {
      return false;
    }
    if (!entry.get().status().equals(shown)) {
      shown = entry.get().status();
      log.warn("{} shows {} as {}", eureka, instance.id(), shown);
    }
    return true;
  }

  private boolean isOurs(EurekaClient.Instance entry) {
    return entry.host().equals(instance.host())
        && entry.port() == instance.port()
        && entry.securePort() == instance.securePort();
  }

  @Override
  protected void remove() throws IOException, InterruptedException {
    Optional<EurekaClient.Instance> entry = eureka.instance(instance.app(), instance.id());
    if (entry.isPresent() && !isOurs(entry.get())) {
      log.warn("{} is not deregistered: another instance has its id", instance.id());
      return;
    }
    eureka.deregister(instance.app(), instance.id());
    log.info("deregistered {}", instance.id());
  }
}
