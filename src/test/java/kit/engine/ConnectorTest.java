// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several addresses of one name: 127.0.0.1 drops packets, 127.0.0.2 accepts, 127.0.0.3 refuses. */
@Timeout(60)
class ConnectorTest {
  private final List<SocketChannel> waiting = new ArrayList<>();
  private ServerSocket full;
  private ServerSocket good;

  @BeforeEach
  void listen() throws Exception {
    full = new ServerSocket(0, 1, address(1));
    good = new ServerSocket(full.getLocalPort(), 50, address(2));
    for (int i = 0; i < 10; i++) { // Until its queue is full; Linux drops the rest.
      SocketChannel channel = SocketChannel.open();
      waiting.add(channel);
      channel.configureBlocking(false);
      channel.connect(full.getLocalSocketAddress());
    }
  }

  @AfterEach
  void close() throws Exception {
    for (SocketChannel channel : waiting) {
      channel.close();
    }
    full.close();
    good.close();
  }

  private static InetAddress address(int last) throws Exception {
    return InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) last});
  }

  private String connected(Duration timeout, int... addresses) throws Exception {
    InetAddress[] all = new InetAddress[addresses.length];
    for (int i = 0; i < addresses.length; i++) {
      all[i] = address(addresses[i]);
    }
    long deadline = ClientTimer.in(timeout.toNanos());
    try (SocketChannel channel = Connector.connect(all, full.getLocalPort(), deadline)) {
      assertThat(channel.isBlocking()).isTrue();
      return ((InetSocketAddress) channel.getRemoteAddress()).getAddress().getHostAddress();
    }
  }

  @Test
  void deadAddressCostsAQuarterOfASecond() throws Exception {
    long start = System.nanoTime();
    assertThat(connected(Duration.ofSeconds(10), 1, 2)).isEqualTo("127.0.0.2");
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    assertThat(millis).isBetween(245L, 900L); // Machines may be busy; a SYN again takes a second.
  }

  @Test
  void refusingAddressCostsNothing() throws Exception {
    assertThat(connected(Duration.ofMillis(200), 3, 2)).isEqualTo("127.0.0.2");
  }

  @Test
  void deadlineAppliesToAllTogether() {
    assertThatThrownBy(() -> connected(Duration.ofMillis(100), 1, 1, 2))
        .isInstanceOf(HttpConnectTimeoutException.class)
        .hasMessage("HTTP connect timed out");
  }

  @Test
  void allMayRefuse() {
    assertThatThrownBy(() -> connected(Duration.ofSeconds(10), 3, 4, 5))
        .isInstanceOf(ConnectException.class)
        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(2));
  }

  @Test
  void interruptionEndsIt() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> connected(Duration.ofSeconds(10), 1))
        .isInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isFalse();
  }
}
