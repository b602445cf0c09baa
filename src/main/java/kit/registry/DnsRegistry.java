// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.dns.DnsInstances;

/**
 * {@code dns://host:port/name}: the SRV records of a name. With a port behind the name, its addresses.
 *
 * <p>A name with a label that is the service's is taken as it is: {@code userservice.service.consul},
 * {@code primary.userservice.service.consul}, {@code _userservice._tcp.example.org}. Any other is a
 * domain, and the service's name is put in front: {@code service.consul} serves all services.
 */
final class DnsRegistry extends Registry {
  private static final String SCHEME = "dns://";

  static final RegistryKind<?> KIND =
      RegistryKind.of(
          "dns://host:port/name",
          "DNS SRV records (discovery only)",
          SCHEME,
          false,
          DnsRegistry::new);

  private final String server;
  private final String name;
  private final int port; // 0: SRV.

  private DnsRegistry(String uri) {
    super(uri);
    String[] parts = uri.substring(SCHEME.length()).split("/", 2);
    if (parts.length < 2) {
      throw new IllegalArgumentException("not dns://host:port/name: " + uri);
    }
    server = parts[0];
    int colon = parts[1].lastIndexOf(':');
    name = colon < 0 ? parts[1] : parts[1].substring(0, colon);
    // A DNS name may be no host name, such as one with an underscore.
    port = colon < 0 ? 0 : Instance.parse("localhost" + parts[1].substring(colon)).port();
    DnsInstances.Settings.of(server, name); // Rejects a malformed name.
  }

  private DnsInstances.Settings settings(String service) {
    List<String> labels = List.of(name.split("\\."));
    boolean isWhole = labels.contains(service) || labels.contains("_" + service);
    try {
      return DnsInstances.Settings.of(server, isWhole ? name : service + "." + name).withPort(port);
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException("--service: " + e.getMessage());
    }
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    refuse(tags);
    return new DnsInstances(settings(service).withEmptyGrace(emptyGrace));
  }

  @Override
  public Registration registration(InstanceRegistration instance) {
    throw new Flags.UsageException("--registry: DNS does not support registration");
  }

  @Override
  Optional<Instance> address() {
    return Optional.of(Instance.parse(server));
  }
}
