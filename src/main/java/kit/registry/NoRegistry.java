// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.util.List;
import java.util.Optional;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;

/** {@code none}: a service that is called by its address. */
record NoRegistry() implements Registry {
  @Override
  public Instances instances(String service, List<String> tags) {
    throw new Flags.UsageException("--registry: nobody can be found with none");
  }

  @Override
  public Instances instancesToTheLetter(String service, List<String> tags) {
    return instances(service, tags);
  }

  @Override
  public Registration registration(RegistryUri.Offer offer) {
    return Registration.none();
  }

  @Override
  public Optional<Instance> address() {
    return Optional.empty();
  }
}
