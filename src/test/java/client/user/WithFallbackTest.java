// SPDX-License-Identifier: Apache-2.0
package client.user;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import client.options.UserCall;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import org.junit.jupiter.api.Test;

class WithFallbackTest {
  private static final UserCall CALL = UserCall.getName("101");

  private static String ask(Duration timeout, Endpoint<UserCall, String> service) throws Exception {
    return WithFallback.around(service, timeout, "guest").call(Context.background(), CALL);
  }

  private static Endpoint<UserCall, String> failing(PeerException error) {
    return (context, call) -> {
      throw error;
    };
  }

  @Test
  void responseOfTheServiceIsReturned() throws Exception {
    assertThat(ask(Duration.ofSeconds(10), (context, call) -> "jerry")).isEqualTo("jerry");
  }

  @Test
  void fallbackIsReturnedOnFailure() throws Exception {
    PeerException down = PeerException.status("127.0.0.1:1", 500, "", null);
    PeerException open = PeerException.refused("127.0.0.1:1", "open", null, null);
    assertThat(ask(Duration.ofSeconds(10), failing(down))).isEqualTo("guest");
    assertThat(ask(Duration.ofSeconds(10), failing(open))).isEqualTo("guest");
  }

  @Test
  void rejectionOfTheServiceIsThrown() {
    PeerException refusal = PeerException.status("127.0.0.1:1", 403, "", null);
    assertThatThrownBy(() -> ask(Duration.ofSeconds(10), failing(refusal))).isSameAs(refusal);
  }

  @Test
  void slowResponseTimesOutToTheFallback() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    Endpoint<UserCall, String> slow =
        (context, call) -> {
          never.await();
          return "jerry";
        };
    assertThat(ask(Duration.ofMillis(20), slow)).isEqualTo("guest");
  }

  @Test
  void serviceIsCalledAgainAfterAnyNumberOfFailures() throws Exception {
    int[] calls = {0};
    Endpoint<UserCall, String> recovering =
        (context, call) -> {
          if (++calls[0] <= 100) {
            throw PeerException.broken("127.0.0.1:1", "reset", null);
          }
          return "jerry";
        };
    Endpoint<UserCall, String> fallingBack =
        WithFallback.around(recovering, Duration.ofSeconds(10), "guest");
    for (int i = 0; i < 100; i++) {
      assertThat(fallingBack.call(Context.background(), CALL)).isEqualTo("guest");
    }
    assertThat(fallingBack.call(Context.background(), CALL)).isEqualTo("jerry");
  }
}
