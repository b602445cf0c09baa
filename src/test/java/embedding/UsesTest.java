// SPDX-License-Identifier: Apache-2.0
package embedding;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.crypto.spec.SecretKeySpec;
import kit.auth.Jwt;
import kit.balancer.LeastLoadedPicker;
import kit.balancer.RandomPicker;
import kit.balancer.RoundRobinPicker;
import kit.balancer.WeightedRoundRobinPicker;
import kit.breaker.CircuitBreaker;
import kit.consul.ConsulClient;
import kit.consul.agent.DevAgent;
import kit.etcd.EtcdClient;
import kit.eureka.EurekaClient;
import kit.nacos.NacosClient;
import kit.ratelimit.TokenBucket;
import kit.retry.RetryBudget;
import kit.zookeeper.ZooKeeperClient;
import kit.zookeeper.ZooKeeperClient.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.FakeConsul;
import testing.FakeNanoTime;
import testing.ScriptedZooKeeper;

/** Runs the examples of docs/embedding.md. */
@Timeout(30)
class UsesTest {
  @TempDir private Path folder;

  private static <T> T failing(String message) throws IOException {
    throw new IOException(message);
  }

  @Test
  void tokenBucket() {
    FakeNanoTime time = new FakeNanoTime();
    TokenBucket bucket = new TokenBucket(0.4, 1, time); // One every 2.5 seconds.

    assertThat(Uses.limited(bucket)).isEqualTo("200 OK");
    assertThat(Uses.limited(bucket)).isEqualTo("429, Retry-After: 3");
    time.advance(Duration.ofSeconds(3));
    assertThat(Uses.limited(bucket)).isEqualTo("200 OK");
  }

  @Test
  void circuitBreaker() throws Exception {
    List<String> log = new ArrayList<>();
    CircuitBreaker breaker = Uses.breakerFor("10.0.0.5:80 is ", log::add);

    for (int i = 0; i < 5; i++) {
      assertThatThrownBy(() -> Uses.ask(breaker, () -> failing("reset"))).hasMessage("reset");
    }
    assertThat(Uses.ask(breaker, () -> "an answer")).isEqualTo("the last known response");
    assertThat(log).containsExactly("10.0.0.5:80 is OPEN");
  }

  @Test
  void backoff() {
    assertThat(Uses.pauseNanos(1)).isBetween(0L, 10_000_000L);
    assertThat(Uses.pauseNanos(100)).isBetween(0L, 1_000_000_000L);
  }

  @Test
  void retryBudget() throws Exception {
    RetryBudget budget = new RetryBudget();
    AtomicInteger calls = new AtomicInteger();
    Callable<String> down =
        () -> {
          calls.incrementAndGet();
          return failing("reset");
        };

    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(() -> Uses.callWithBudget(budget, down)).hasMessage("reset");
    }

    assertThat(calls).hasValue(14); // Four of the ten were repeated.
    assertThat(Uses.callWithBudget(budget, () -> "an answer")).isEqualTo("an answer");
  }

  @Test
  void pickers() {
    List<String> servers = List.of("a:80", "b:80", "c:80");

    RoundRobinPicker turns = new RoundRobinPicker();
    assertThat(Stream.generate(() -> Uses.nextOf(turns, servers)).limit(3))
        .containsExactlyInAnyOrderElementsOf(servers);
    assertThat(servers).contains(Uses.randomOf(new RandomPicker(), servers));
  }

  @Test
  void weightedRoundRobinPicker() {
    Uses.Host small = new Uses.Host("small", 1);
    Uses.Host large = new Uses.Host("large", 2);
    List<Uses.Host> hosts = List.of(small, large);

    WeightedRoundRobinPicker turns = new WeightedRoundRobinPicker();
    assertThat(Stream.generate(() -> Uses.nextByCpus(turns, hosts)).limit(6))
        .containsExactly(large, small, large, large, small, large);
  }

  @Test
  void leastLoadedPicker() {
    Uses.Server busy = new Uses.Server("busy", new AtomicInteger(7));
    Uses.Server idle = new Uses.Server("idle", new AtomicInteger());

    assertThat(Uses.leastLoaded(new LeastLoadedPicker(), List.of(busy, idle))).isEqualTo(idle);
  }

  @Test
  void requestTarget() {
    assertThat(Uses.tags("/user/J%C3%BCrgen?tag=a&tag=b", "localhost"))
        .isEqualTo("[user, Jürgen] has [a, b]");
    assertThat(Uses.tags("/user/..%2fadmin", "localhost"))
        .isEqualTo("400 path has an encoded slash or backslash");
  }

  @Test
  void router() {
    assertThat(Uses.route("GET", List.of("user", "101"))).isEqualTo("reads user 101");
    assertThat(Uses.route("PUT", List.of("user", "101")))
        .isEqualTo("405, Allow: DELETE, GET, HEAD");
    assertThat(Uses.route("GET", List.of("user", "jerry"))).isEqualTo("404");
  }

  @Test
  void keyValueLog() {
    ByteArrayOutputStream written = new ByteArrayOutputStream();

    Uses.logTo(written, "jerry\nlevel=info");

    assertThat(written.toString(UTF_8))
        .matches(
            "level=warn ts=\\S+Z event=\"login failed\""
                + " user=\"jerry\\\\nlevel=info\" attempts=3\n");
  }

  @Test
  void metrics() {
    assertThat(Uses.measured(() -> {}, () -> 7).text())
        .contains("requests_total{status=\"200\"} 1\n")
        .contains("request_seconds_count 1\n")
        .contains("queue_length 7\n");
  }

  @Test
  void traceContext() {
    String received = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    assertThat(Uses.traceparentOfACall(received))
        .matches("00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01")
        .isNotEqualTo(received);
    assertThat(Uses.traceparentOfACall("")).matches("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]");
  }

  @Test
  void flags() {
    assertThat(Uses.hello("-p", "8081", "--pause=50ms")).isEqualTo("port 8081, 50 ms");
    assertThat(Uses.hello("--port", "8o81"))
        .isEqualTo("--port: not a TCP port (0..65535): \"8o81\"");
    assertThat(Uses.hello("--help")).startsWith("Usage: java -jar hello.jar [flags]");
  }

  @Test
  void passwordFile() throws Exception {
    Path users = folder.resolve("users");
    Files.writeString(users, Uses.lineForTheFile("jerry", "secret") + "\n");

    assertThat(Uses.isKnown(users, "jerry", "secret")).isTrue();
    assertThat(Uses.isKnown(users, "jerry", "guess")).isFalse();
    assertThat(Uses.isKnown(users, "unknown", "secret")).isFalse();
  }

  @Test
  void keyFile() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), "32 bytes of a random source, or so");
    Path keys = Path.of("src/test/resources/kit/auth");

    assertThat(Uses.kindOfKey(secret)).isEqualTo("HMAC signs");
    assertThat(Uses.kindOfKey(keys.resolve("RS256-public.pem"))).isEqualTo("RSA verifies");
  }

  @Test
  void jwt() {
    SecretKeySpec key = new SecretKeySpec("32 bytes of a random source, or so".getBytes(UTF_8), "");
    SecretKeySpec other = new SecretKeySpec("32 bytes of another one, but random".getBytes(), "");

    String token = Uses.loggedIn(key, "jerry");

    assertThat(Uses.callerOf(token, key)).isEqualTo("jerry");
    assertThatThrownBy(() -> Uses.callerOf(token, other)).isInstanceOf(Jwt.InvalidException.class);
  }

  @Test
  void consulClient() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      ConsulClient consul = new ConsulClient(agent.uri());

      ConsulClient.Health known = Uses.register(consul);
      assertThat(known.entries()).extracting(entry -> entry.service().port()).containsExactly(8081);

      consul.deregister("web-1");
      assertThat(Uses.awaitNews(consul, known).entries()).isEmpty();
    }
  }

  @Test
  void etcdClient() throws Exception {
    String entry = "\"key\":\"L3NlcnZpY2VzL3dlYi93ZWItMQ==\",\"value\":\"MTAuMC4wLjU6ODA4MQ==\"";
    List<EtcdClient.Event> news = new ArrayList<>();
    try (FakeConsul etcd = new FakeConsul()) { // A scripted HTTP server.
      etcd.on("POST", "/v3/lease/grant").answer(200, "{\"ID\":\"7\",\"TTL\":\"10\"}");
      etcd.on("POST", "/v3/kv/put").answer(200, "{}");
      etcd.on("POST", "/v3/kv/range").answer(200, "{\"header\":{\"revision\":\"41\"}}");
      etcd.on("POST", "/v3/watch")
          .answer(
              200,
              "{\"result\":{\"created\":true}}\n"
                  + "{\"result\":{\"events\":[{\"kv\":{%s}}]}}\n".formatted(entry));

      assertThat(
              Uses.registerAndWatch(
                  new EtcdClient(
                      List.of(etcd.uri()), HttpClient.newHttpClient(), Duration.ofSeconds(3)),
                  events -> !news.addAll(events)))
          .isEqualTo(7);

      assertThat(news).hasSize(1);
      assertThat(news.get(0).entry().value()).isEqualTo("10.0.0.5:8081");
      assertThat(etcd.requests().get(3).body()).contains("\"start_revision\":\"42\"");
    }
  }

  @Test
  void nacosClient() throws Exception {
    String path = "/nacos/v3/client/ns/instance";
    try (FakeConsul nacos = new FakeConsul()) {
      nacos
          .on("POST", path)
          .answer(200, "{\"code\":21003,\"message\":\"instance not found\"}")
          .answer(200, "{\"code\":0,\"data\":\"ok\"}");
      nacos
          .on("GET", path + "/list")
          .answer(200, "{\"code\":0,\"data\":[{\"ip\":\"h\",\"port\":1},{\"healthy\":true}]}");

      assertThat(
              Uses.registerAndList(
                  new NacosClient(
                      List.of(nacos.uri()), HttpClient.newHttpClient(), Duration.ofSeconds(3))))
          .hasSize(1);
      assertThat(nacos.requests().get(1).body()).contains("ip=10.0.0.5", "port=8081");
    }
  }

  @Test
  void zooKeeperClient() throws Exception {
    List<List<String>> lists = new ArrayList<>();
    ScriptedZooKeeper.Script script =
        request -> {
          switch (request.type()) {
            case ScriptedZooKeeper.CREATE -> request.respond(request.path());
            case ScriptedZooKeeper.CHILDREN -> {
              request.respond(List.of("web-" + lists.size()));
              request.event(4, request.path());
            }
            default -> request.accept();
          }
        };
    try (ScriptedZooKeeper server = new ScriptedZooKeeper(script);
        ZooKeeperClient client = new ZooKeeperClient(Settings.of(server.address()))) {
      Uses.registerAndWatch(client, names -> lists.add(names) && lists.size() < 3);
    }
    assertThat(lists).containsExactly(List.of("web-0"), List.of("web-1"), List.of("web-2"));
  }

  @Test
  void eurekaClient() throws Exception {
    try (FakeConsul server = new FakeConsul()) {
      server.on("POST", "/eureka/apps/WEB").answer(204, "");
      server
          .on("GET", "/eureka/apps/WEB")
          .answer(200, "{\"application\":{\"instance\":{\"status\":\"UP\"}}}");

      assertThat(
              Uses.registerAndFind(
                  new EurekaClient(
                      List.of(server.uri().resolve("/eureka")),
                      HttpClient.newHttpClient(),
                      Duration.ofSeconds(3))))
          .isTrue();
      assertThat(server.requests().get(1).body()).contains("\"hostName\":\"10.0.0.5\"");
    }
  }

  @Test
  void protobuf() throws Exception {
    assertThat(Uses.nameOf(Uses.user(101, "jerry"))).isEqualTo("jerry");
    assertThat(Uses.nameOf(new byte[0])).isEmpty();
  }
}
