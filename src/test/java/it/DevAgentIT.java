// SPDX-License-Identifier: Apache-2.0
package it;

import java.net.URI;
import kit.consul.agent.DevAgent;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract with the embedded agent. Where it differs from the real one, it is wrong. */
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
    return false; // The one known difference that this contract has to know of.
  }
}
