// SPDX-License-Identifier: Apache-2.0
package it;

import java.net.URI;
import java.util.List;
import java.util.Map;
import kit.consul.ConsulClient;
import kit.discovery.Instance;
import kit.registry.Registry;
import testing.Engine;

/** The registry contract for Consul agents, real or embedded. */
abstract class AgentRegistryContract extends RegistryContract.Changing {
  /** Where the agent listens, or did. */
  abstract URI base() throws Exception;

  private ConsulClient client() throws Exception {
    return Engine.consul(base());
  }

  @Override
  Registry finder() throws Exception {
    return registrar();
  }

  @Override
  Registry registrar() throws Exception {
    return Engine.registry("consul://" + base().getAuthority());
  }

  @Override
  void leave(String id, Instance instance) throws Exception {
    ConsulClient.Service dead =
        new ConsulClient.Service(
            id, service, instance.host(), instance.port(), List.of(), Map.of());
    client().register(dead, List.of());
  }

  @Override
  List<String> ids() throws Exception {
    return client().services().values().stream()
        .filter(known -> known.name().equals(service))
        .map(ConsulClient.Service::id)
        .toList();
  }

  @Override
  void forget(String id) throws Exception {
    client().deregister(id);
  }
}
