// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;

/**
 * {@code static:}: a list of instances on the command line, each as {@code host:port}, or with its
 * scheme as {@code https://host:port}.
 */
final class StaticRegistry extends Registry {
  private static final String PREFIX = "static:";

  static final RegistryKind<?> KIND =
      RegistryKind.of(
          "static:host:port,...",
          "fixed list of instances (discovery only)",
          PREFIX,
          false,
          StaticRegistry::new);

  private final List<Instance> instances = new ArrayList<>();

  private StaticRegistry(String uri) {
    super(uri);
    for (String authority : uri.substring(PREFIX.length()).split(",", -1)) {
      instances.add(Instance.parseAddress(authority.strip()));
    }
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    refuse(tags);
    return Instances.fixed(instances);
  }

  @Override
  public Registration registration(InstanceRegistration instance) {
    throw new Flags.UsageException("--registry: a fixed list does not support registration");
  }
}
