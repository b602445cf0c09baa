// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;

/** {@code static:}: a list on the command line. */
record FixedRegistry(List<Instance> instances) implements Registry {
  static FixedRegistry parse(String authorities) {
    List<Instance> instances = new ArrayList<>();
    for (String authority : authorities.split(",", -1)) {
      instances.add(Instance.parse(authority.strip()));
    }
    return new FixedRegistry(instances);
  }

  @Override
  public Instances instances(String service, List<String> tags) {
    Registry.refuse(tags);
    return Instances.fixed(instances);
  }

  @Override
  public Instances instancesToTheLetter(String service, List<String> tags) {
    return instances(service, tags);
  }

  @Override
  public Registration registration(RegistryUri.Offer offer) {
    throw new Flags.UsageException("--registry: nobody can register with a fixed list");
  }

  @Override
  public Optional<Instance> address() {
    return Optional.empty();
  }
}
