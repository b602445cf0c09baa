// SPDX-License-Identifier: Apache-2.0
package kit.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.Base64;
import java.util.List;
import kit.discovery.Instance;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.event.Level;
import testing.Engine;
import testing.Eventually;
import testing.FakeConsul;
import testing.RecordingLogger;

/** The registration against a faulty etcd; with a real one: {@code it.EtcdRegistryIT}. */
@Timeout(20)
class EtcdRegistrationTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final String GRANT = "/v3/lease/grant";
  private static final String KEEP_ALIVE = "/v3/lease/keepalive";
  private static final String REVOKE = "/v3/lease/revoke";
  private static final String PUT = "/v3/kv/put";
  private static final String RANGE = "/v3/kv/range";
  private static final String ALIVE = "{\"result\":{\"ID\":\"7\",\"TTL\":\"1\"}}\n";
  private static final String ENDED = "{\"result\":{\"ID\":\"7\"}}\n";

  private final RecordingLogger log = new RecordingLogger();
  private FakeConsul fake; // A scripted HTTP server; it has no logic of Consul or etcd.
  private EtcdRegistration registration;

  @BeforeEach
  void startFake() throws Exception {
    fake = new FakeConsul();
    fake.on("POST", GRANT).answer(200, "{\"ID\":\"7\",\"TTL\":\"1\"}");
    fake.on("POST", KEEP_ALIVE).answer(200, ALIVE);
    fake.on("POST", PUT).answer(200, "{}");
    fake.on("POST", REVOKE).answer(200, "{}");
    registration =
        new EtcdRegistration(
            new EtcdClient(List.of(fake.uri()), Engine.newHttpClient(), Duration.ofSeconds(3)),
            "web",
            "web-1",
            Instance.of("10.0.0.1", 80),
            Duration.ofMillis(300), // So that it is kept alive every 80 to 100 ms.
            log);
  }

  @AfterEach
  void stop() {
    registration.close();
    fake.close();
  }

  private List<String> paths() {
    return fake.requests().stream().map(FakeConsul.Request::path).toList();
  }

  private void awaitRegistered() throws Exception {
    Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes());
  }

  @Test
  void putsTheKeyWithALeaseAndKeepsItAlive() throws Exception {
    registration.start();

    assertThat(fake.awaitRequest("POST", GRANT).body()).isEqualTo("{\"TTL\":1}");
    assertThat(fake.awaitRequest("POST", PUT).body())
        .isEqualTo(
            "{\"key\":\"%s\",\"value\":\"%s\",\"lease\":\"7\"}"
                .formatted(base64("/services/web/web-1"), base64("10.0.0.1:80")));
    assertThat(fake.awaitRequest("POST", KEEP_ALIVE).body()).isEqualTo("{\"ID\":\"7\"}");
    fake.awaitRequest("POST", KEEP_ALIVE);
    assertThat(registration.isRegistered()).isTrue();

    registration.close();

    assertThat(fake.awaitRequest("POST", REVOKE).body()).isEqualTo("{\"ID\":\"7\"}");
    assertThat(paths()).containsOnlyOnce(GRANT, PUT, REVOKE).endsWith(REVOKE);
  }

  @Test
  void leaseThatHasEndedIsGrantedAgainAndTheKeyPutAgain() throws Exception {
    fake.on("POST", KEEP_ALIVE).answer(200, ALIVE).answer(200, ENDED).answer(200, ALIVE);
    fake.on("POST", GRANT).answer(200, "{\"ID\":\"7\"}").answer(200, "{\"ID\":\"8\"}");
    registration.start();
    fake.awaitRequest("POST", PUT);

    assertThat(fake.awaitRequest("POST", PUT).body()).contains("\"lease\":\"8\"");
    assertThat(fake.awaitRequest("POST", KEEP_ALIVE).body()).isEqualTo("{\"ID\":\"8\"}");
    assertThat(log.linesFrom(Level.WARN))
        .singleElement()
        .asString()
        .contains("has lost the lease of /services/web/web-1: registering again");
  }

  @Test
  void keyIsCheckedAfterAnOutage() throws Exception {
    fake.on("POST", KEEP_ALIVE).answer(200, ALIVE).answer(500, "").answer(200, ALIVE);
    fake.on("POST", RANGE).answer(200, "{}"); // No such key.
    registration.start();
    fake.awaitRequest("POST", PUT);

    fake.awaitRequest("POST", RANGE);
    fake.awaitRequest("POST", PUT);

    assertThat(paths()).containsOnlyOnce(GRANT);
    awaitRegistered();
  }

  @Test
  void unchangedKeyIsNotPutAgain() throws Exception {
    fake.on("POST", KEEP_ALIVE).answer(500, "").answer(200, ALIVE);
    fake.on("POST", RANGE)
        .answer(
            200,
            "{\"kvs\":[{\"key\":\"%s\",\"value\":\"%s\",\"lease\":\"7\"}]}"
                .formatted(base64("/services/web/web-1"), base64("10.0.0.1:80")));
    registration.start();

    fake.awaitRequest("POST", RANGE);
    fake.awaitRequest("POST", KEEP_ALIVE);

    assertThat(paths()).containsOnlyOnce(PUT, RANGE);
  }

  @Test
  void keyOverwrittenByAnotherClientIsPutAgain() throws Exception {
    fake.on("POST", KEEP_ALIVE).answer(500, "").answer(200, ALIVE);
    fake.on("POST", RANGE)
        .answer(
            200,
            "{\"kvs\":[{\"key\":\"%s\",\"value\":\"%s\",\"lease\":\"99\"}]}"
                .formatted(base64("/services/web/web-1"), base64("10.0.0.1:80")));
    registration.start();
    fake.awaitRequest("POST", PUT);

    fake.awaitRequest("POST", RANGE);
    fake.awaitRequest("POST", PUT);
  }

  @Test
  void leaseIsRevokedWhenTheResultOfThePutIsUnknown() throws Exception {
    FakeConsul.Script put = fake.on("POST", PUT).hang().answer(200, "{}");
    registration.start();
    fake.awaitRequest("POST", PUT);
    Thread closing = new Thread(registration::close);
    closing.start();

    put.release();
    closing.join();

    assertThat(paths()).containsExactly(GRANT, PUT, REVOKE);
  }

  @Test
  void withoutALeaseNoneIsRevoked() throws Exception {
    fake.on("POST", GRANT).answer(503, "{\"message\":\"no leader\",\"code\":14}");
    registration.start();
    fake.awaitRequest("POST", GRANT);

    registration.close();

    assertThat(paths()).containsOnly(GRANT);
  }

  @Test
  void invalidArgumentsAreRejected() {
    EtcdClient etcd =
        new EtcdClient(List.of(fake.uri()), Engine.newHttpClient(), Duration.ofSeconds(3));
    Instance instance = Instance.of("10.0.0.1", 80);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EtcdRegistration(etcd, "a/b", "id", instance));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EtcdRegistration(etcd, "web", "", instance));
  }
}
