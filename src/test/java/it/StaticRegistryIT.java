// SPDX-License-Identifier: Apache-2.0
package it;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import kit.discovery.Instance;
import kit.registry.Registry;

/** The registry contract for a fixed list on the command line, as far as it applies. */
class StaticRegistryIT extends RegistryContract {
  @Override
  Registry with(Instance... instances) {
    String list = Stream.of(instances).map(Instance::authority).collect(Collectors.joining(","));
    return Registry.parse("static:" + list);
  }
}
