// SPDX-License-Identifier: Apache-2.0
package it;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import kit.discovery.Instance;
import kit.registry.Registry;

/** What a registry promises, as far as a list on the command line can keep it. */
class StaticRegistryIT extends RegistryContract {
  @Override
  Registry with(Instance... instances) {
    String list = Stream.of(instances).map(Instance::authority).collect(Collectors.joining(","));
    return Registry.parse("static:" + list);
  }
}
