// SPDX-License-Identifier: Apache-2.0
package it;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import kit.discovery.Instance;
import kit.registry.RegistryUri;

/** What a registry promises, as far as a list on the command line can keep it. */
class FixedRegistryIT extends RegistryContract {
  @Override
  RegistryUri with(Instance... instances) {
    String list = Stream.of(instances).map(Instance::authority).collect(Collectors.joining(","));
    return RegistryUri.parse("static:" + list, Map.of());
  }
}
