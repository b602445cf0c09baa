// SPDX-License-Identifier: Apache-2.0
package it;

import java.net.URI;
import kit.consul.agent.DevAgent;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract of a Consul agent for the embedded agent. */
class DevAgentIT extends ConsulWireContract {
  private static DevAgent agent;

  @BeforeAll
  static void startAgent() throws Exception {
    agent = DevAgent.start("127.0.0.1", 0);
  }

  @AfterAll
  static void stopAgent() {
    agent.close();
  }

  @Override
  URI base() {
    return agent.uri();
  }

  @Override
  int cycles() {
    return 1_000; // It is quicker than the real one.
  }

  @Override
  boolean takesSlashes() {
    return false; // The one known difference that the contract allows for.
  }
}
