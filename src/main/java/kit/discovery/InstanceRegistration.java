// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * Everything that is registered for an instance: service name, address, tags and health check.
 *
 * @param name the name of the service
 * @param instance the address and the tags
 * @param check how the registry finds out whether the instance is healthy
 * @param checkInterval interval between health checks
 * @param deregisterAfter how long the instance may be critical before it is removed, at least 1
 *     minute
 * @param useAgentAddress whether the registry advertises the address of its own agent; the address
 *     of the instance is then for the health check only
 */
public record InstanceRegistration(
    String name,
    Instance instance,
    HealthCheck check,
    Duration checkInterval,
    Duration deregisterAfter,
    boolean useAgentAddress) {
  /** Checks that nothing is missing. */
  public InstanceRegistration {
    requireNonNull(name, "name");
    requireNonNull(instance, "instance");
    requireNonNull(check, "check");
    requireNonNull(checkInterval, "checkInterval");
    requireNonNull(deregisterAfter, "deregisterAfter");
  }

  /** Creates the registration of an instance that the registry checks at its own address. */
  public InstanceRegistration(
      String name,
      Instance instance,
      HealthCheck check,
      Duration checkInterval,
      Duration deregisterAfter) {
    this(name, instance, check, checkInterval, deregisterAfter, false);
  }

  /**
   * Returns the id, which is the same after a restart, so that an instance replaces its
   * predecessor.
   */
  public String id() {
    return name + "-" + instance.host().replace(':', '.') + "-" + instance.port();
  }
}
