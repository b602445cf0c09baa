// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ConnectException;
import java.net.URI;
import java.util.List;
import java.util.Map;
import kit.consul.ConsulClient;
import kit.consul.ConsulClient.Service;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import testing.ConsulAgent;

/** The contract of a Consul agent for a real one; skipped without it, see {@link ConsulAgent}. */
class RealConsulIT extends ConsulWireContract {
  private static ConsulAgent agent;

  @AfterAll
  static void stopAgent() throws Exception {
    if (agent != null) {
      agent.close();
    }
  }

  @Override
  URI base() throws Exception {
    if (agent == null) { // Not @BeforeAll: without an agent, each test is to be seen as skipped.
      agent = ConsulAgent.start();
    }
    return agent.uri();
  }

  @Test
  void restartedAgentHasNoServices() throws Exception {
    ConsulClient client = new ConsulClient(base());
    client.register(new Service("web-1", "web", "", 80, List.of(), Map.of()), List.of());

    agent.kill();
    assertThatThrownBy(client::services).isInstanceOf(ConnectException.class);

    agent.restart();
    assertThat(client.services()).doesNotContainKey("web-1");
  }
}
