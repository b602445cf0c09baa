// SPDX-License-Identifier: Apache-2.0
package it;

import java.time.Duration;
import kit.registry.Registry;

/** What a registry promises, kept by the DNS interface of a real Consul, a little later. */
class DnsRegistryIT extends ConsulRegistryIT {
  @Override
  Registry finder() throws Exception {
    return Registry.parse("dns://" + agent().dnsAuthority() + "/service.consul");
  }

  /** Who has gone is forgotten after three rounds of 5 seconds. */
  @Override
  Duration soon() {
    return Duration.ofSeconds(30);
  }
}
