// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * Everything that is registered for an instance: service name, address, tags and health check.
 *
 * @param name the name of the service
 * @param instance the address and the tags
 * @param healthPath the path that a health check requests, such as {@code /health}
 * @param checkInterval interval between health checks
 * @param deregisterAfter how long the instance may be critical before it is removed, at least 1
 *     minute
 * @param useAgentAddress whether the registry advertises the address of its own agent; the address
 *     of the instance is then for the health check only
 * @param selfCheck if present, the instance reports its own health every {@code checkInterval}, and
 *     the registry sends no health checks
 */
public record InstanceRegistration(
    String name,
    Instance instance,
    String healthPath,
    Duration checkInterval,
    Duration deregisterAfter,
    boolean useAgentAddress,
    Optional<SelfCheck> selfCheck) {
  /** Returns normally if the instance is healthy, else throws. */
  @FunctionalInterface
  public interface SelfCheck {
    void run() throws Exception;
  }

  /** Checks that nothing is missing. */
  public InstanceRegistration {
    requireNonNull(name, "name");
    requireNonNull(instance, "instance");
    requireNonNull(healthPath, "healthPath");
    requireNonNull(checkInterval, "checkInterval");
    requireNonNull(deregisterAfter, "deregisterAfter");
    requireNonNull(selfCheck, "selfCheck");
  }

  /** Creates the registration of an instance that the registry checks at its own address. */
  public InstanceRegistration(
      String name,
      Instance instance,
      String healthPath,
      Duration checkInterval,
      Duration deregisterAfter) {
    this(name, instance, healthPath, checkInterval, deregisterAfter, false, Optional.empty());
  }

  /**
   * Returns the id, which is the same after a restart, so that an instance replaces its
   * predecessor.
   */
  public String id() {
    return name + "-" + instance.host().replace(':', '.') + "-" + instance.port();
  }
}
