// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import kit.cli.Flags;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.FakeConsul;
import testing.RawPeer;

/** What each kind of registry shows for diagnosis, on scripted servers. */
@Timeout(20)
class InspectionTest {
  private static final Clock CLOCK = Clock.systemUTC();

  private FakeConsul fake;

  @BeforeEach
  void start() throws Exception {
    fake = new FakeConsul();
  }

  @AfterEach
  void stop() {
    fake.close();
  }

  private Inspection inspection(String form) {
    return Registry.parse(form.formatted(fake.uri().getAuthority())).inspection();
  }

  private static Inspection withFlags(String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    Supplier<Registry> registry = new RegistryFlags(flags, Map.of());
    flags.parse(args);
    return registry.get().inspection();
  }

  private static Optional<String> version(Inspection inspection) throws Exception {
    List<Inspection.Server> servers = inspection.servers(CLOCK);
    assertThat(servers).hasSize(1);
    assertThat(servers.get(0).failure()).isEmpty();
    return servers.get(0).version();
  }

  @Test
  void consulGetsTheTokenAndShowsItsVersionAndChecks() throws Exception {
    fake.on("GET", "/v1/agent/self").answer(200, "{\"Config\":{\"Version\":\"1.8.7\"}}");
    fake.on("GET", "/v1/health/service/web")
        .answerWithIndex(
            "7",
            """
            [{"Node":{"Node":"n1","Address":"10.0.0.1"},
              "Service":{"ID":"web-1","Service":"web","Address":"","Port":80,
                         "Tags":["blue"]},
              "Checks":[{"CheckID":"node","Status":"passing","Output":"alive"},
                        {"CheckID":"up","Status":"warning","Output":""}]}]
            """);
    Inspection consul =
        withFlags(
            "--registry", "consul://" + fake.uri().getAuthority(), "--consul-token", "s3cret");

    assertThat(version(consul)).contains("1.8.7");
    assertThat(fake.awaitRequest().headers().getFirst("X-Consul-Token")).isEqualTo("s3cret");
    assertThat(consul.entries("web").list())
        .containsExactly(
            new Inspection.Entry(
                "web-1 on n1",
                "10.0.0.1",
                80,
                List.of("blue"),
                Map.of(),
                false,
                List.of(
                    new Inspection.Check("node is passing: alive", true),
                    new Inspection.Check("up is warning: no output", false))));
  }

  @Test
  void etcdShowsItsVersionItsKeysAndTheNamesInThem() throws Exception {
    fake.on("GET", "/version").answer(200, "{\"etcdserver\":\"3.4.23\",\"etcdcluster\":\"3.4.0\"}");
    // /services/web/a = 10.0.0.1:80, /services/web/b = nonsense
    fake.on("POST", "/v3/kv/range")
        .answer(
            200,
            """
            {"header":{"revision":"7"},"kvs":[\
            {"key":"L3NlcnZpY2VzL3dlYi9h","value":"MTAuMC4wLjE6ODA=","mod_revision":"5"},\
            {"key":"L3NlcnZpY2VzL3dlYi9i","value":"bm9uc2Vuc2U=","mod_revision":"6"}]}
            """);
    Inspection etcd = inspection("etcd://%s");

    assertThat(version(etcd)).contains("3.4.23");
    assertThat(etcd.entries("web").list())
        .containsExactly(
            new Inspection.Entry(
                "/services/web/a", "10.0.0.1", 80, List.of(), Map.of(), true, List.of()),
            new Inspection.Entry(
                "/services/web/b", "nonsense", 0, List.of(), Map.of(), true, List.of()));
    assertThat(etcd.names()).hasValueSatisfying(it -> assertThat(it).containsExactly("web"));
  }

  @Test
  void nacosShowsItsVersionAndUnhealthyInstances() throws Exception {
    fake.on("GET", "/nacos/v3/admin/core/state").answer(200, "{\"data\":{\"version\":\"3.1.0\"}}");
    fake.on("GET", "/nacos/v3/client/ns/instance/list")
        .answer(
            200,
            """
            {"code":0,"message":"success","data":[{"ip":"10.0.0.1","port":80,"weight":1.0,
             "healthy":false,"enabled":true,"ephemeral":true,"clusterName":"c1",
             "serviceName":"DEFAULT_GROUP@@web","metadata":{"tags":"blue"},"instanceHeartBeatInterval":5000}]}
            """);
    Inspection nacos = inspection("nacos://%s");

    assertThat(version(nacos)).contains("3.1.0");
    assertThat(nacos.entries("web").list())
        .containsExactly(
            new Inspection.Entry(
                "10.0.0.1:80 in c1",
                "10.0.0.1",
                80,
                List.of("blue"),
                Map.of("tags", "blue"),
                false,
                List.of(new Inspection.Check("unhealthy: its heartbeats do not arrive", false))));
    assertThat(nacos.names()).isEmpty();
  }

  @Test
  void eurekaHasNoVersionAndShowsInstancesThatAreNotUp() throws Exception {
    String application =
        """
        {"name":"WEB","instance":[{"instanceId":"web-1","hostName":"10.0.0.1","app":"WEB",
         "ipAddr":"10.0.0.1","status":"STARTING","port":{"$":80,"@enabled":"true"},
         "securePort":{"$":443,"@enabled":"true"},"metadata":{"tags":"blue,b2"}}]}
        """;
    fake.on("GET", "/eureka/apps/delta").answer(200, "{\"applications\":{\"application\":[]}}");
    fake.on("GET", "/eureka/apps/WEB").answer(200, "{\"application\":" + application + "}");
    fake.on("GET", "/eureka/apps")
        .answer(200, "{\"applications\":{\"application\":[" + application + "]}}");
    Inspection eureka = inspection("eureka://%s/eureka");

    assertThat(version(eureka)).isEmpty();
    assertThat(eureka.entries("web").list())
        .containsExactly(
            new Inspection.Entry(
                "web-1",
                "10.0.0.1",
                443,
                List.of("blue", "b2"),
                Map.of("tags", "blue,b2", "scheme", "https"),
                false,
                List.of(new Inspection.Check("status STARTING", false))));
    assertThat(eureka.names()).hasValueSatisfying(it -> assertThat(it).containsExactly("web"));
  }

  @Test
  void missingRightsAreAnExceptionOfTheirOwn() throws Exception {
    fake.on("GET", "/v1/health/service/web").answer(403, "Permission denied");
    fake.on("POST", "/v3/kv/range").answer(403, "{\"error\":\"permission denied\",\"code\":7}");
    fake.on("GET", "/nacos/v3/client/ns/instance/list").answer(403, "{\"message\":\"Code: 403\"}");
    fake.on("GET", "/eureka/apps/delta").answer(401, "");
    for (String form : List.of("consul://%s", "etcd://%s", "nacos://%s", "eureka://%s/eureka")) {
      assertThatThrownBy(() -> inspection(form).entries("web"))
          .as(form)
          .isInstanceOf(Inspection.DeniedException.class);
    }
    fake.on("GET", "/v1/health/service/web").answer(500, "No cluster leader");
    assertThatThrownBy(() -> inspection("consul://%s").entries("web"))
        .isNotInstanceOf(Inspection.DeniedException.class);
  }

  @Test
  void clockIsComparedWithTheDateOfTheResponse() throws Exception {
    Clock noon = Clock.fixed(Instant.parse("2026-11-30T12:00:00Z"), ZoneOffset.UTC);
    String head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\nDate: ";
    try (RawPeer hourAhead = RawPeer.answering(head + "Mon, 30 Nov 2026 13:00:00 GMT\r\n\r\n");
        RawPeer malformed = RawPeer.answering(head + "yesterday\r\n\r\n")) {
      Inspection etcd =
          Registry.parse("etcd://" + hourAhead.address() + "," + malformed.address()).inspection();

      assertThat(etcd.servers(noon))
          .extracting(Inspection.Server::clockDifference)
          .containsExactly(Optional.of(Duration.ofHours(1)), Optional.empty());
    }
  }

  @Test
  void clocksAgreeIfTheDateIsThatOfAMomentOfTheRequest() {
    Instant sent = Instant.parse("2026-11-30T12:00:00.900Z");
    Instant received = sent.plusSeconds(4);
    Map.of("12:00:00", 0, "12:00:04", 0, "12:00:07", 2100, "11:59:50", -9900)
        .forEach(
            (date, millis) ->
                assertThat(
                        ServerProbe.difference(
                            sent, received, Instant.parse("2026-11-30T" + date + "Z")))
                    .isEqualTo(Duration.ofMillis(millis)));
  }

  @Test
  void serverThatRespondsWithoutEndIsGivenUp() throws Exception {
    fake.on("GET", "/version").trickle(10 << 20);

    assertThat(inspection("etcd://%s").servers(CLOCK).get(0).failure()).isPresent();
  }

  @Test
  void zooKeeperShowsItsVersionToFourLetters() throws Exception {
    try (RawFour server = new RawFour("Zookeeper version: 3.9.5-1a2b, built on 2026\nMode: x\n")) {
      Inspection zooKeeper = Registry.parse("zookeeper://" + server.address()).inspection();

      assertThat(version(zooKeeper)).contains("3.9.5-1a2b");
      assertThat(zooKeeper.servers(CLOCK).get(0).clockDifference()).isEmpty();
    }
  }

  @Test
  void fileShowsItsInstances(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("web"), "10.0.0.1:80\n");
    Inspection inspection = Registry.parse("file:" + file).inspection();

    assertThat(inspection.servers(CLOCK)).isEmpty();
    assertThat(inspection.entries("web").list())
        .extracting(Inspection.Entry::id)
        .containsExactly("10.0.0.1:80");
    assertThat(inspection.names()).isEmpty();
    assertThat(inspection.hasHealth()).isFalse();
  }

  /** Responds to four letters. */
  private static final class RawFour implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());

    RawFour(String response) throws IOException {
      Thread thread =
          new Thread(
              () -> {
                while (!listener.isClosed()) {
                  try (Socket connection = listener.accept()) {
                    assertThat(connection.getInputStream().readNBytes(4))
                        .asString()
                        .isEqualTo("srvr");
                    connection.getOutputStream().write(response.getBytes());
                  } catch (IOException e) {
                    continue; // Closed.
                  }
                }
              });
      thread.setDaemon(true);
      thread.start();
    }

    String address() {
      return "127.0.0.1:" + listener.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }
}
