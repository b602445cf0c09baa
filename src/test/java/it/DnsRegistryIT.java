// SPDX-License-Identifier: Apache-2.0
package it;

import java.time.Duration;
import java.util.Map;
import kit.registry.RegistryUri;

/** What a registry promises, kept by the DNS interface of a real Consul, a little later. */
class DnsRegistryIT extends ConsulRegistryIT {
  @Override
  RegistryUri finder() throws Exception {
    return RegistryUri.parse("dns://" + agent().dnsAuthority() + "/service.consul", Map.of());
  }

  /** Who has gone is forgotten after three rounds of 5 seconds. */
  @Override
  Duration soon() {
    return Duration.ofSeconds(30);
  }
}
