// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;

@Timeout(30)
class GrpcHealthTest {
  private static final String SERVING = "00" + "00000002" + "0801";
  private static final String NOT_SERVING = "00" + "00000002" + "0802";
  private static final String SERVICE_UNKNOWN = "00" + "00000002" + "0803";

  private final AtomicBoolean isServerUp = new AtomicBoolean(true);
  private final AtomicBoolean isDatabaseUp = new AtomicBoolean(true);
  private final GrpcHealth health =
      new GrpcHealth(isServerUp::get).service("users", isDatabaseUp::get);
  private final GrpcService service =
      new GrpcService(GrpcService.Settings.defaults()).addAll(health.methods());

  private static FakeHttp2Stream request(String method, String name) throws Exception {
    return new FakeHttp2Stream("/grpc.health.v1.Health/" + method).sendsMessage(name).ends();
  }

  private static String sent(FakeHttp2Stream stream) {
    return HexFormat.of().formatHex(stream.sentBytes());
  }

  private String checked(String name) throws Exception {
    FakeHttp2Stream stream = request("Check", name).servedBy(service);
    return sent(stream) + stream.status();
  }

  @Test
  void check() throws Exception {
    assertThat(checked("")).isEqualTo(SERVING + "0");
    assertThat(checked("users")).isEqualTo(SERVING + "0");
    isDatabaseUp.set(false);
    assertThat(checked("users")).isEqualTo(NOT_SERVING + "0");
    assertThat(checked("")).isEqualTo(SERVING + "0");
    assertThat(checked("other")).isEqualTo("5 unknown service");
    health.drain();
    health.drain();
    assertThat(checked("")).isEqualTo(NOT_SERVING + "0");
    assertThat(checked("other")).isEqualTo("5 unknown service");
  }

  @Test
  void emptyRequestIsForTheServer() throws Exception {
    FakeHttp2Stream stream =
        new FakeHttp2Stream("/grpc.health.v1.Health/Check").sends(new byte[5]).ends();

    assertThat(sent(stream.servedBy(service))).isEqualTo(SERVING);
  }

  @Test
  void list() throws Exception {
    isDatabaseUp.set(false);

    assertThat(sent(request("List", "").servedBy(service)))
        .isEqualTo(
            "0000000015" // 21 bytes
                + "0a06"
                + ("0a00" + "12020801")
                + "0a0b"
                + ("0a05" + "7573657273" + "12020802"));
  }

  private static void awaitSent(FakeHttp2Stream stream, String expected) throws Exception {
    Eventually.within(Duration.ofSeconds(10), () -> assertThat(sent(stream)).isEqualTo(expected));
  }

  @Test
  void watchSendsEachChange() throws Exception {
    FakeHttp2Stream stream = request("Watch", "users");
    Thread thread = stream.startedBy(service);
    awaitSent(stream, SERVING);
    health.changed();
    isDatabaseUp.set(false); // Found without changed(), too.
    awaitSent(stream, SERVING + NOT_SERVING);
    isDatabaseUp.set(true);
    health.changed();
    awaitSent(stream, SERVING + NOT_SERVING + SERVING);
    stream.cancel();
    thread.join();

    assertThat(stream.status()).isEmpty();
  }

  @Test
  void watchOfAServiceThatIsAddedLater() throws Exception {
    FakeHttp2Stream stream = request("Watch", "later");
    Thread thread = stream.startedBy(service);
    awaitSent(stream, SERVICE_UNKNOWN);
    health.service("later", () -> true);
    awaitSent(stream, SERVICE_UNKNOWN + SERVING);
    stream.cancel();
    thread.join();
  }

  @Test
  void drainingEndsAWatch() throws Exception {
    FakeHttp2Stream stream = request("Watch", "");
    Thread thread = stream.startedBy(service);
    awaitSent(stream, SERVING);
    health.drain();
    thread.join();

    assertThat(sent(stream)).isEqualTo(SERVING + NOT_SERVING);
    assertThat(stream.status()).isEqualTo("14 the server is draining");
  }

  @Test
  void watchWithoutRequestIsRejected() throws Exception {
    FakeHttp2Stream stream = new FakeHttp2Stream("/grpc.health.v1.Health/Watch").ends();

    assertThat(stream.servedBy(service).status()).isEqualTo("3 no request");
  }
}
