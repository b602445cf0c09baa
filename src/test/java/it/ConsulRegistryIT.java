// SPDX-License-Identifier: Apache-2.0
package it;

import java.net.URI;
import org.junit.jupiter.api.AfterAll;
import testing.ConsulAgent;

/** The registry contract for a real Consul. */
class ConsulRegistryIT extends AgentRegistryContract {
  private static ConsulAgent agent;

  @AfterAll
  static void stopAgent() throws Exception {
    if (agent != null) {
      agent.close();
      agent = null; // DnsRegistryIT may run later.
    }
  }

  static ConsulAgent agent() throws Exception {
    if (agent == null) { // Not @BeforeAll: without an agent, each test is to be seen as skipped.
      agent = ConsulAgent.start();
    }
    return agent;
  }

  @Override
  URI base() throws Exception {
    return agent().uri();
  }

  @Override
  void kill() throws Exception {
    agent().kill();
  }

  @Override
  void restartEmpty() throws Exception {
    agent().restart();
  }
}
