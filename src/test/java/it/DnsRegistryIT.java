// SPDX-License-Identifier: Apache-2.0
package it;

import java.time.Duration;
import kit.registry.Registry;

/** The registry contract for the DNS interface of a real Consul. */
class DnsRegistryIT extends ConsulRegistryIT {
  @Override
  boolean hasMetadata() {
    return false;
  }

  @Override
  Registry finder() throws Exception {
    return Registry.parse("dns://" + agent().dnsAuthority() + "/service.consul");
  }

  /** Instances are removed after they are missing for three rounds of 5 seconds. */
  @Override
  Duration soon() {
    return Duration.ofSeconds(30);
  }
}
