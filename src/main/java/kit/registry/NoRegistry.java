// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.time.Duration;
import java.util.List;
import kit.cli.Flags;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;

/** {@code none}: no registry; clients call the service by its address. */
final class NoRegistry extends Registry {
  static final RegistryKind<?> KIND =
      RegistryKind.of("none", "no registry", "none", false, NoRegistry::new);

  private NoRegistry(String uri) {
    super(uri);
    if (!uri.equals("none")) {
      throw new IllegalArgumentException("unknown registry");
    }
  }

  @Override
  public boolean isNone() {
    return true;
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    throw new Flags.UsageException("--registry: none does not support discovery");
  }

  @Override
  public Registration registration(InstanceRegistration instance) {
    return Registration.none();
  }
}
