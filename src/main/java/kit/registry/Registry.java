// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.Services;

/** One kind of registry behind a {@link RegistryUri}; what its methods promise is said there. */
interface Registry {
  Instances instances(String service, List<String> tags);

  Instances instancesToTheLetter(String service, List<String> tags);

  default Services services() {
    throw new Flags.UsageException("--registry: only Consul knows which services there are");
  }

  Registration registration(RegistryUri.Offer offer);

  /** Asks for anything, so that all is loaded. */
  default void prepare() throws IOException, InterruptedException {}

  /** The flags, without dashes, that mean something to this kind and not to all others. */
  default Set<String> flags() {
    return Set.of();
  }

  /** Where the registry itself listens; empty if it is not on the network. */
  Optional<Instance> address();

  /** Whether it has an address for an instance on its own machine that gives none. */
  default boolean givesAddress() {
    return false;
  }

  /** For registries that know no tags. */
  static void refuse(List<String> tags) {
    if (!tags.isEmpty()) {
      throw new Flags.UsageException("--tags: only Consul knows tags");
    }
  }
}
