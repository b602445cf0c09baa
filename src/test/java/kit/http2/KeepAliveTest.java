// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** When a peer is sent a PING. */
class KeepAliveTest {
  private static final long NANOS = TimeUnit.HOURS.toNanos(1);

  private final MemoryPeer peer = new MemoryPeer(new byte[0], false);
  private final ServerConnection connection =
      new ServerConnection(Http2Settings.defaults(), stream -> {}, peer, () -> {});
  private final KeepAlive keepAlive = new KeepAlive(NANOS);
  private final long startedAtNanos = System.nanoTime();

  private int sentAfter(long nanos, boolean isNeeded) {
    keepAlive.check(connection, startedAtNanos + nanos, isNeeded);
    return peer.sent().length;
  }

  @Test
  void silentPeerIsSentPings() {
    assertThat(sentAfter(NANOS / 2, true)).isZero();
    assertThat(sentAfter(NANOS + NANOS / 2, true)).isEqualTo(9 + 8);
  }

  @Test
  void noPingIsSentWithoutNeed() {
    assertThat(sentAfter(NANOS + NANOS / 2, false)).isZero();
  }
}
