// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kit.consul.ConsulCheck;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.consul.ConsulRegistration;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;

/** {@code consul://}: a Consul agent. */
record ConsulRegistry(Instance agent) implements Registry {
  static final String SCHEME = "consul://";

  private static final String LOCAL = "127.0.0.1:8500";
  private static final Duration CHECK_TIMEOUT = Duration.ofSeconds(5); // At most the interval.

  static ConsulRegistry parse(String authority) {
    return new ConsulRegistry(Instance.parse(authority));
  }

  /** The agent that Consul's own tools would take. */
  static String uriByDefault(Map<String, String> environment) {
    String address = environment.get("CONSUL_HTTP_ADDR");
    if (address == null || address.isBlank()) {
      return SCHEME + LOCAL;
    }
    return SCHEME + address.strip().replaceFirst("^http://", "").replaceFirst("/+$", "");
  }

  @Override
  public Instances instances(String service) {
    return new ConsulInstances(client(), service);
  }

  @Override
  public Registration registration(RegistryUri.Offer offer) {
    return Registration.deferred(() -> register(offer));
  }

  private Registration register(RegistryUri.Offer offer) {
    Instance instance = offer.instance();
    Duration timeout =
        offer.checkInterval().compareTo(CHECK_TIMEOUT) < 0 ? offer.checkInterval() : CHECK_TIMEOUT;
    ConsulCheck check =
        ConsulCheck.http(
                "service:" + offer.id(),
                "http://" + instance.authority() + offer.healthPath(),
                offer.checkInterval())
            .withTimeout(timeout)
            .withDeregisterAfter(offer.deregisterAfter())
            // True, because it is registered when it has answered itself. Consul's default would
            // keep callers away until the first check.
            .withStatus(ConsulClient.Status.PASSING);
    ConsulClient.Service service =
        new ConsulClient.Service(
            offer.id(),
            offer.name(),
            instance.host(),
            instance.port(),
            instance.tags(),
            instance.meta());
    return new ConsulRegistration(client(), service, List.of(check));
  }

  private ConsulClient client() {
    return new ConsulClient(URI.create("http://" + agent.authority()), null);
  }

  @Override
  public Optional<Instance> address() {
    return Optional.of(agent);
  }
}
