// SPDX-License-Identifier: Apache-2.0
package kit.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import kit.etcd.EtcdClient.Entry;
import kit.etcd.EtcdClient.EtcdException;
import kit.etcd.EtcdClient.Event;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.ClientEngine;
import testing.FakeConsul;

/** EtcdClient against a faulty server; with a real one: {@code it.EtcdClientIT}. */
@Timeout(20)
class EtcdClientTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration SHORT = Duration.ofMillis(200);

  private record Access(String user, String password) {
    EtcdClient client(List<URI> endpoints, Duration timeout) {
      return new EtcdClient(endpoints, ClientEngine.newHttpClient(), timeout)
          .withUser(user, password);
    }
  }

  private static final Access ANONYMOUS = new Access("", "");
  private static final Access APP = new Access("app", "s3cret");
  private static final String GET = "/v3/kv/range";
  private static final String AUTHENTICATE = "/v3/auth/authenticate";
  private static final String WATCH = "/v3/watch";
  private static final String NO_USER =
      "{\"message\":\"etcdserver: user name is empty\",\"code\":3}";
  private static final String CREATED = "{\"result\":{\"created\":true}}\n";

  private FakeConsul fake; // A scripted HTTP server; it has no logic of Consul or etcd.
  private FakeConsul other;

  @BeforeEach
  void startFakes() throws Exception {
    fake = new FakeConsul();
    other = new FakeConsul();
  }

  @AfterEach
  void stopFakes() {
    fake.close();
    other.close();
  }

  private EtcdClient client(Duration timeout, Access access) {
    return access.client(List.of(fake.uri()), timeout);
  }

  private EtcdClient client() {
    return client(PATIENCE, ANONYMOUS);
  }

  @Test
  void integersBeyondADoubleAreReadExactly() throws Exception {
    fake.on("POST", "/v3/lease/grant").answer(200, "{\"ID\":\"9007199254740993\",\"TTL\":\"10\"}");
    fake.on("POST", "/v3/lease/keepalive")
        .answer(200, "{\"result\":{\"ID\":\"9007199254740993\",\"TTL\":\"10\"}}\n");

    long lease = client().grant(Duration.ofSeconds(10));

    assertThat(lease).isEqualTo(9_007_199_254_740_993L);
    assertThat(client().keepAlive(lease)).isEqualTo(Duration.ofSeconds(10));
    assertThat(fake.requests().get(1).body()).contains("\"9007199254740993\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "\"text\"",
        "<html>",
        "{",
        "{} {}",
        "{\"kvs\":[{\"key\":\"not base64!\"}]}",
        "{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"many\"}]}",
        "{\"header\":{\"revision\":\"1.5\"}}"
      })
  void malformedResponseIsAnError(String body) {
    fake.on("POST", GET).answer(200, body);

    assertThatThrownBy(() -> client().list("a/"))
        .isInstanceOf(EtcdException.class)
        .hasMessage((fake.uri().getAuthority() + GET + ": 200 not as expected: " + body).strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          404 | 5 | {"error":"lost","message":"lost","code":5}             | 404 lost
          404 | 5 | {"code":5,"message":"lost","details":[]}               | 404 lost
          502 | 0 | <html>                                                 | 502 not as expected: <html>
          403 | 0 | {"error":"why?"}                                       | 403 not as expected: {"error":"why?"}
          200 | 14 | {"error":{"grpc_code":14,"http_code":503,"message":"gone"}} | 503 gone
          200 | 14 | {"error":{"code":14,"message":"gone","details":[]}}    | 200 gone
          """)
  void errorResponseIsQuoted(int status, int code, String body, String message) {
    fake.on("POST", GET).answer(status, body);

    assertThatThrownBy(() -> client().get("a"))
        .isInstanceOfSatisfying(EtcdException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageEndingWith(GET + ": " + message);
  }

  @Test
  void messagesAreOneShortLineWithoutSecrets() throws Exception {
    fake.on("POST", AUTHENTICATE).answer(200, "{\"token\":\"t0ken\"}");
    fake.on("POST", GET)
        .answer(400, NO_USER)
        .answer(400, "{\"message\":\"no\\r\\n\\u2028t0ken s3cret" + "x".repeat(1000) + "\"}");

    EtcdClient client = client(PATIENCE, APP);

    assertThatThrownBy(() -> client.get("a"))
        .message()
        .contains("no???[secret] [secret]x")
        .hasSizeLessThan(300);
    assertThat(client.toString()).isEqualTo("etcd at " + fake.uri());
    assertThat(client.toString()).doesNotContain("s3cret");
  }

  @Test
  void lateResponseTimesOutEvenIfItHasBegun() throws Exception {
    fake.on("POST", GET).hang();
    assertThatThrownBy(() -> client(SHORT, ANONYMOUS).get("a"))
        .isInstanceOf(HttpTimeoutException.class)
        .hasMessageEndingWith(GET + ": no response within PT0.2S");

    fake.on("POST", GET).trickle(1);
    assertThatThrownBy(() -> client(SHORT, ANONYMOUS).get("a"))
        .isInstanceOf(HttpTimeoutException.class);
    fake.awaitAbandoned();
  }

  @Test
  void endlessResponseIsNotRead() throws Exception {
    fake.on("POST", GET).trickle(1 << 20);

    assertThatThrownBy(() -> client().get("a"))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining("response > 16 MiB");
    fake.awaitAbandoned();
  }

  @Test
  void failingEndpointIsSkippedAndTriedLastNextTime() throws Exception {
    other.on("POST", GET).answer(200, "{}");
    fake.on("POST", GET).answer(503, "{\"message\":\"etcdserver: no leader\",\"code\":14}");
    URI second = other.uri();
    EtcdClient client =
        ANONYMOUS.client(List.of(fake.uri(), URI.create("http://127.0.0.1:1"), second), PATIENCE);

    assertThat(client.get("a")).isEmpty();
    assertThat(client.get("a")).isEmpty();

    assertThat(fake.requests()).hasSize(1);
    assertThat(other.requests()).hasSize(2);
  }

  @Test
  void hangingEndpointGetsOnlyItsShareOfTheTimeout() throws Exception {
    fake.on("POST", GET).hang();
    other.on("POST", GET).answer(200, "{}");
    Duration timeout = Duration.ofSeconds(2);

    assertThat(ANONYMOUS.client(List.of(fake.uri(), other.uri()), timeout).get("a")).isEmpty();
  }

  @Test
  void errorResponseIsNotRetried() throws Exception {
    fake.on("POST", GET).answer(403, "{\"message\":\"permission denied\",\"code\":7}");

    assertThatThrownBy(() -> ANONYMOUS.client(List.of(fake.uri(), other.uri()), PATIENCE).get("a"))
        .hasMessageContaining("permission denied");
    assertThat(other.requests()).isEmpty();
  }

  @Test
  void lastFailureIsThrown() {
    fake.on("POST", GET).answer(503, "{\"message\":\"no leader\",\"code\":14}");
    URI refusing = URI.create("http://127.0.0.1:1");

    assertThatThrownBy(() -> ANONYMOUS.client(List.of(fake.uri(), refusing), PATIENCE).get("a"))
        .isInstanceOf(ConnectException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"invalid auth token", "user name is empty", "revision of auth store is old"})
  void tokenIsRequestedOnceAndAgainWhenRejected(String refusal) throws Exception {
    fake.on("POST", AUTHENTICATE)
        .answer(200, "{\"token\":\"first\"}")
        .answer(200, "{\"token\":\"second\"}");
    fake.on("POST", GET)
        .answer(400, NO_USER)
        .answer(200, "{}")
        .answer(200, "{}")
        .answer(401, "{\"message\":\"etcdserver: " + refusal + "\",\"code\":16}")
        .answer(200, "{}");
    EtcdClient client = client(PATIENCE, APP);

    client.get("a");
    client.get("a");
    client.get("a");

    assertThat(fake.requests())
        .extracting(it -> it.headers().getFirst("Authorization"))
        .containsExactly(null, null, "first", "first", "first", null, "second");
    assertThat(fake.requests().get(1).body())
        .isEqualTo("{\"name\":\"app\",\"password\":\"s3cret\"}");
  }

  @Test
  void tokenRejectedTwiceIsAnError() throws Exception {
    fake.on("POST", AUTHENTICATE).answer(200, "{\"token\":\"fresh\"}");
    fake.on("POST", GET).answer(401, "{\"message\":\"invalid auth token\",\"code\":16}");
    EtcdClient client = client(PATIENCE, APP);

    assertThatThrownBy(() -> client.get("a")).hasMessageContaining("401 invalid auth");
    assertThat(fake.requests()).hasSize(3); // Without a token, for one, and with it.
  }

  @Test
  void withoutAUserNoTokenIsRequested() {
    fake.on("POST", GET).answer(400, NO_USER);

    assertThatThrownBy(() -> client().get("a")).hasMessageContaining("400 etcdserver: user name");
    assertThat(fake.requests()).hasSize(1);
  }

  @Test
  void watchHasATokenThoughItIsTheFirstCall() throws Exception {
    fake.on("POST", AUTHENTICATE).answer(200, "{\"token\":\"first\"}");
    fake.on("POST", GET).answer(400, NO_USER).answer(200, "{}");
    fake.on("POST", WATCH).answer(200, CREATED + "{\"result\":{\"compact_revision\":\"9\"}}\n");

    assertThat(client(PATIENCE, APP).watch("a/", 7, PATIENCE, changes -> true)).isFalse();

    assertThat(fake.requests().get(3).headers().getFirst("Authorization")).isEqualTo("first");
  }

  private static List<Event> heard(EtcdClient client) throws Exception {
    List<Event> heard = new ArrayList<>();
    client.watch("a/", 7, Duration.ofMinutes(1), heard::addAll);
    return heard;
  }

  @Test
  void watchReportsEachChangeAndItsEnd() {
    fake.on("POST", WATCH)
        .answer(
            200,
            CREATED
                + "{\"result\":{\"events\":[{\"kv\":{\"key\":\"YS8x\",\"value\":\"Yg==\",\"mod_revision\":\"8\"}},"
                + "{\"type\":\"DELETE\",\"kv\":{\"key\":\"YS8x\",\"mod_revision\":\"9\"}}]}}\n");
    List<Event> heard = new ArrayList<>();

    assertThatThrownBy(() -> client().watch("a/", 7, Duration.ofMinutes(1), heard::addAll))
        .isInstanceOf(IOException.class)
        .hasMessageEndingWith(WATCH + ": 200 ended by etcd");

    assertThat(heard)
        .containsExactly(
            new Event(false, new Entry("a/1", "b", 0, 8)),
            new Event(true, new Entry("a/1", "", 0, 9)));
    assertThat(fake.requests().get(0).body())
        .isEqualTo(
            "{\"create_request\":{\"key\":\"YS8=\",\"range_end\":\"YTA=\",\"start_revision\":\"7\"}}");
  }

  @Test
  void watchThatDoesNotBeginTimesOut() throws Exception {
    fake.on("POST", WATCH).trickle(1);

    assertThatThrownBy(() -> heard(client(SHORT, ANONYMOUS)))
        .isInstanceOf(HttpTimeoutException.class)
        .hasMessageContaining("no response within");
    fake.awaitAbandoned();
  }

  @Test
  void endlessChangeIsNotRead() throws Exception {
    fake.on("POST", WATCH).trickle(1 << 20);

    assertThatThrownBy(() -> heard(client()))
        .isInstanceOf(IOException.class)
        .hasStackTraceContaining("response > 16 MiB");
    fake.awaitAbandoned();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          200 | {"result":{"created":true,"canceled":true,"cancel_reason":"denied"}} | 200 denied
          200 | {"error":{"grpc_code":14,"http_code":503,"message":"no leader"}} | 503 no leader
          200 | {"error":{"code":14,"message":"no leader"}} | 200 no leader
          502 | <html> | 502 not as expected: <html>
          200 | {"result":{"events":[{"kv":{"key":"!"}}]}} | 200 not as expected: {"result":
          """)
  void rejectedWatchThrowsTheReason(int status, String line, String message) {
    fake.on("POST", WATCH).answer(status, line + "\n");

    assertThatThrownBy(() -> heard(client()))
        .isInstanceOf(EtcdException.class)
        .hasMessageContaining(WATCH + ": " + message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ",\"cancel_reason\":\"etcdserver: mvcc: compacted\""})
  void compactionIsNoError(String reason) throws Exception {
    fake.on("POST", WATCH)
        .answer(
            200,
            CREATED
                + "{\"result\":{\"canceled\":true,\"compact_revision\":\"9\""
                + reason
                + "}}\n");

    assertThat(client().watch("a/", 7, PATIENCE, changes -> true)).isFalse();
  }

  @Test
  void watchMovesOnToTheNextEndpointWhenItFails() throws Exception {
    other.on("POST", WATCH).answer(200, CREATED + "{\"result\":{\"compact_revision\":\"9\"}}\n");
    EtcdClient client = ANONYMOUS.client(List.of(fake.uri(), other.uri()), PATIENCE);

    assertThatThrownBy(() -> heard(client)).isInstanceOf(EtcdException.class); // 404
    assertThat(client.watch("a/", 7, PATIENCE, changes -> true)).isFalse();
  }

  @Test
  void invalidArgumentsAreRejected() {
    EtcdClient client = client();
    assertThatIllegalArgumentException().isThrownBy(() -> ANONYMOUS.client(List.of(), PATIENCE));
    assertThatIllegalArgumentException().isThrownBy(() -> client.get(""));
    assertThatIllegalArgumentException().isThrownBy(() -> client.list(""));
    assertThatIllegalArgumentException().isThrownBy(() -> client.grant(Duration.ZERO));
    assertThatIllegalArgumentException().isThrownBy(() -> client(Duration.ZERO, ANONYMOUS));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new EtcdClient(
                        List.of(fake.uri()), ClientEngine.newHttpClient(), Duration.ofSeconds(3))
                    .withUser("name", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"ftp://h:1", "http:/h:1", "http://user:pw@h:1", "http://h:1/path", "http://h:1?q"})
  void endpointIsAHostAndNoSecretIsShown(String endpoint) {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new EtcdClient(
                    List.of(URI.create(endpoint)),
                    ClientEngine.newHttpClient(),
                    Duration.ofSeconds(3)))
        .withMessage("endpoint is not http(s)://host:port");
  }
}
