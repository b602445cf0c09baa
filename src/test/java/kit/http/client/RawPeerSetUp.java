// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.net.http.HttpClient;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import testing.Engine;
import testing.RawPeer;
import testing.TestService;

/** Common set-up of client tests: a client and raw peers, which are closed after each test. */
abstract class RawPeerSetUp {
  static final HttpClient HTTP = Engine.newClient();

  final TestService service = new TestService();
  private final List<RawPeer> peers = new ArrayList<>();

  @AfterEach
  void stopPeers() throws Exception {
    for (RawPeer peer : peers) {
      peer.close();
    }
    service.close();
  }

  /** Closes {@code peer} after the test. */
  RawPeer peer(RawPeer peer) {
    peers.add(peer);
    return peer;
  }
}
