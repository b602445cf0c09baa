// SPDX-License-Identifier: Apache-2.0
package it;

import java.net.URI;
import kit.consul.agent.DevAgent;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The registry contract for the embedded agent. */
class DevAgentRegistryIT extends AgentRegistryContract {
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
  void kill() {
    agent.close();
  }

  @Override
  void restartEmpty() throws Exception {
    agent = DevAgent.start("127.0.0.1", agent.port());
  }
}
