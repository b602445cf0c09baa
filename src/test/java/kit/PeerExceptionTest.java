// SPDX-License-Identifier: Apache-2.0
package kit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import kit.PeerException.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PeerExceptionTest {
  private static final String PEER = "127.0.0.1:8081";

  private static PeerException example(Kind kind, Throwable cause) {
    return switch (kind) {
      case NO_INSTANCE -> PeerException.noInstance("no instance of userservice", cause);
      case REFUSED -> PeerException.refused(PEER, "circuit open", Duration.ofSeconds(3), cause);
      case NOT_CONNECTED -> PeerException.notConnected(PEER, "connection refused", cause);
      case TIMEOUT -> PeerException.timeout(PEER, cause);
      case BROKEN -> PeerException.broken(PEER, "connection broke", cause);
      case MALFORMED -> PeerException.malformed(PEER, "malformed response", cause);
      case TOO_LARGE -> PeerException.tooLarge(PEER, "response longer than 9 bytes", cause);
      case STATUS -> PeerException.status(PEER, 403, "permission denied", Duration.ofSeconds(9));
    };
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          NO_INSTANCE   | no instance of userservice
          REFUSED       | circuit open (127.0.0.1:8081)
          NOT_CONNECTED | connection refused (127.0.0.1:8081)
          TIMEOUT       | timed out (127.0.0.1:8081)
          BROKEN        | connection broke (127.0.0.1:8081)
          STATUS        | 403 permission denied (127.0.0.1:8081)
          """)
  void messageHasStatusDetailAndInstance(Kind kind, String message) {
    assertThat(example(kind, null)).hasMessage(message);
    assertThat(example(kind, null).kind()).isEqualTo(kind);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "STATUS")
  void causeIsKept(Kind kind) {
    IOException cause = new IOException("reset");
    assertThat(example(kind, cause)).hasCause(cause);
    assertThat(example(kind, cause).status()).isZero();
  }

  @Test
  void messageMayBeTheDetailAlone() {
    PeerException failure = example(Kind.STATUS, null);
    assertThat(failure.detail()).isEqualTo("permission denied");
    assertThat(failure.status()).isEqualTo(403);
    assertThat(failure.instance()).contains(PEER);
    assertThat(failure.retryAfter()).contains(Duration.ofSeconds(9));
  }

  @Test
  void instanceAndRetryAfterMayBeUnknown() {
    assertThat(PeerException.noInstance("none", null).instance()).isEmpty();
    assertThat(PeerException.refused(PEER, "limit", null, null).retryAfter()).isEmpty();
    assertThat(PeerException.status(PEER, 503, "busy", null).retryAfter()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "NO_INSTANCE, true",
    "REFUSED, true",
    "NOT_CONNECTED, true",
    "TIMEOUT, false",
    "BROKEN, false",
    "STATUS, false"
  })
  void onlyUnsentRequestsAreSafeToRetry(Kind kind, boolean notSent) {
    assertThat(kind.notSent()).isEqualTo(notSent);
  }
}
