// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import kit.consul.ConsulClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.ConsulAgent;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;

/** The two programs end to end with a real Consul. */
class EndToEndIT {
  @RegisterExtension
  static final SharedServer<ConsulAgent> consul =
      new SharedServer<>(ConsulAgent::start, ConsulAgent::deregisterAll);

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private JarProcess startService(String... more) {
    return jars.service(consul.get().registry(), 0, more);
  }

  private JarProcess serviceAlone(String... more) {
    return jars.service("none", 0, more);
  }

  private static Set<Integer> passingPorts() throws Exception {
    Set<Integer> ports = new LinkedHashSet<>();
    consul
        .get()
        .client()
        .health(ConsulClient.HealthQuery.passing("userservice", List.of()))
        .entries()
        .forEach(entry -> ports.add(entry.service().port()));
    return ports;
  }

  @Test
  void instancesAreCalledInTurnAndStoppingOneFailsNoCall() throws Exception {
    List<JarProcess> services = List.of(startService(), startService(), startService());
    Set<Integer> ports = new LinkedHashSet<>();
    for (JarProcess service : services) {
      ports.add(service.port());
    }
    Eventually.within(
        Duration.ofSeconds(5),
        () -> assertThat(passingPorts()).containsExactlyInAnyOrderElementsOf(ports));

    JarProcess loop = jars.client(consul.get().registry(), "loop", "--interval", "20ms");
    List<String> firstSix = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      firstSix.add(loop.nextLine());
    }
    assertThat(firstSix.subList(0, 3)).doesNotHaveDuplicates();
    assertThat(firstSix.subList(3, 6)).isEqualTo(firstSix.subList(0, 3));
    assertThat(firstSix).hasSameElementsAs(ports.stream().map(port -> "jerry" + port).toList());

    JarProcess stopped = services.get(0);
    int stoppedPort = ports.iterator().next();
    stopped.signal("TERM");
    Eventually.within(
        Duration.ofSeconds(3),
        () ->
            assertThat(consul.get().client().services())
                .hasSize(2)
                .doesNotContainKey("userservice-127.0.0.1-" + stoppedPort));
    assertThat(stopped.exitStatus()).isEqualTo(143);

    for (int i = 0, others = 0; others < 20; i++) {
      others = loop.nextLine().equals("jerry" + stoppedPort) ? 0 : others + 1;
      assertThat(i).as("calls until the stopped instance is deregistered").isLessThan(200);
    }
    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).isEmpty();
  }

  @Test
  void killedOrFailingInstancesFailNoCall() throws Exception {
    JarProcess killed = startService();
    Set<Integer> good = Set.of(startService().port(), startService().port());
    int bad = startService("--fail-ratio", "1").port();
    int killedPort = killed.port();
    Eventually.within(
        Duration.ofSeconds(5),
        () -> assertThat(passingPorts()).hasSize(4).contains(bad, killedPort));
    JarProcess loop =
        jars.client(consul.get().registry(), "loop", "--interval", "5ms", "--count", "600");
    for (int i = 0; i < 100; i++) {
      loop.nextLine();
    }
    killed.signal("KILL");
    assertThat(loop.exitStatus()).isZero();
    assertThat(loop.err()).isEmpty();
    assertThat(loop.out()).hasSize(600).doesNotContain("jerry" + bad);
    assertThat(loop.out().subList(500, 600))
        .hasSameElementsAs(good.stream().map(port -> "jerry" + port).toList());
  }

  @Test
  void fallbackIsUsedWhileNoInstanceResponds() throws Exception {
    int port = startService("--fail-ratio", "1").port();
    String[] loop = {
      "loop", "--registry", "static:127.0.0.1:" + port, "--interval", "5ms", "--count", "50"
    };
    JarProcess without = jars.start("client", loop);
    assertThat(without.exitStatus()).isEqualTo(1);
    assertThat(without.out()).isEmpty();

    List<String> args = new ArrayList<>(List.of(loop));
    args.addAll(List.of("--fallback", "guest"));
    JarProcess with = jars.start("client", args.toArray(String[]::new));
    assertThat(with.exitStatus()).isZero();
    assertThat(with.err()).isEmpty();
    assertThat(with.out()).hasSize(50).containsOnly("guest");
  }

  @Test
  void serviceServesBeforeThereIsAConsulAndRegistersWhenThereIs() throws Exception {
    try (ConsulAgent late = ConsulAgent.start()) {
      late.kill();
      JarProcess service =
          jars.start(
              "user-service", "--name", "early", "--port", "0", "--registry", late.registry());
      int port = service.port();
      assertThat(get(port, "/user/101").body()).isEqualTo("{\"result\":\"jerry" + port + "\"}");
      Eventually.within(
          Duration.ofSeconds(5),
          () -> assertThat(service.err()).anyMatch(line -> line.contains("WARN")));

      late.restart();
      ConsulClient lateConsul = late.client();
      Eventually.within(
          Duration.ofSeconds(10),
          () -> assertThat(lateConsul.services()).containsKey("early-127.0.0.1-" + port));
      Eventually.within(
          Duration.ofSeconds(2),
          () -> assertThat(service.err()).anyMatch(line -> line.contains("recovered")));
      assertThat(service.err()).filteredOn(line -> line.contains("WARN")).hasSize(1);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --port 8081                             | --name is missing
          --name x                                | --port is missing
          --name x --port abc                     | --port: not a TCP port (0..65535): "abc"
          --name x --port 70000                   | --port: not a TCP port (0..65535): "70000"
          --nmae x --port 8081                    | unknown flag --nmae; did you mean --name?
          --name x --port 0 --deregister-after 5s | --deregister-after: not a duration
          --name x --port 0 --delay 3s..1s        | --delay: not a duration or a range
          --name x --port 0 --fail-ratio 2        | --fail-ratio: not a ratio (0..1)
          --name x --port 0 --registry ftp://x    | --registry: not consul[+https]://host:port
          """)
  void wrongFlagsAreOneLineAndStatusTwo(String args, String message) throws Exception {
    JarProcess service = jars.start("user-service", args.split(" "));
    assertThat(service.exitStatus()).isEqualTo(2);
    assertThat(service.out()).isEmpty();
    assertThat(service.err()).singleElement().asString().startsWith(message);
  }

  @Test
  void withoutFlagsTheMissingOnesAreNamed() throws Exception {
    JarProcess service = jars.start("user-service");
    assertThat(service.exitStatus()).isEqualTo(2);
    assertThat(service.err()).singleElement().asString().startsWith("--name is missing");
  }

  @Test
  void helpExplainsEachFlagAndEndsWithZero() throws Exception {
    JarProcess service = jars.start("user-service", "--help");
    assertThat(service.exitStatus()).isZero();
    assertThat(service.err()).isEmpty();
    assertThat(String.join("\n", service.out()))
        .contains("--name", "--port", "--registry", "--drain-delay", "KIT_");
  }

  @Test
  void takenPortIsOneLineStatusOneAndNothingRegistered() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      String port = Integer.toString(taken.getLocalPort());
      JarProcess service =
          jars.start(
              "user-service",
              "--name",
              "userservice",
              "--port",
              port,
              "--registry",
              consul.get().registry(),
              "--log-level",
              "warn");
      assertThat(service.exitStatus()).isEqualTo(1);
      assertThat(service.out()).isEmpty();
      assertThat(service.err()).singleElement().asString().contains("--port", port);
      assertThat(consul.get().client().services()).isEmpty();
    }
  }

  @Test
  void settingsComeFromTheCommandLineInEveryForm() throws Exception {
    JarProcess service =
        jars.start(
            "user-service", "-name=x", "-p", "0", "--registry", "none", "-drain-delay", "0s");
    int port = service.port();
    assertThat(service.err()).anyMatch(line -> line.contains("INFO") && line.contains("name=x"));
    assertThat(get(port, "/health").body()).isEqualTo("{\"status\":\"ok\"}");
    service.signal("INT");
    assertThat(service.exitStatus()).isEqualTo(130);
  }

  @Test
  void rateIsLimitedForUsersButNotForHealthChecks() throws Exception {
    int port = serviceAlone("--rate", "0.01", "--burst", "5").port();
    for (int i = 0; i < 5; i++) {
      assertThat(get(port, "/user/101").statusCode()).isEqualTo(200);
    }
    HttpResponse<String> limited = get(port, "/user/101");
    assertThat(limited.statusCode()).isEqualTo(429);
    assertThat(limited.headers().firstValue("Retry-After")).isPresent();
    assertThat(limited.headers().firstValue("Content-Type")).contains("application/problem+json");
    assertThat(get(port, "/health").statusCode()).isEqualTo(200);
  }

  @Test
  void wireContract() throws Exception {
    int port = serviceAlone().port();
    assertThat(get(port, "/user/7").body()).isEqualTo("{\"result\":\"guest" + port + "\"}");
    assertThat(send(port, "DELETE", "/user/7").body()).isEqualTo("{\"result\":\"user 7 deleted\"}");
    HttpResponse<String> denied = send(port, "DELETE", "/user/101");
    assertThat(denied.statusCode()).isEqualTo(403);
    assertThat(denied.headers().firstValue("Content-Type")).contains("application/problem+json");
    assertThat(denied.body())
        .contains("\"detail\":\"permission denied\"")
        .contains("\"requestId\":\"" + denied.headers().firstValue("X-Request-Id").get() + "\"");
    assertThat(get(port, "/user/abc").statusCode()).isEqualTo(404);
    assertThat(get(port, "/user/1%0A").statusCode()).isBetween(400, 404);
    assertThat(get(port, "/user/99999999999999999999").statusCode()).isEqualTo(400);
    HttpResponse<String> wrongMethod = send(port, "POST", "/user/7");
    assertThat(wrongMethod.statusCode()).isEqualTo(405);
    assertThat(wrongMethod.headers().firstValue("Allow")).contains("DELETE, GET, HEAD, OPTIONS");
  }

  @Test
  void clientPrintsTheFailureAndItsCause() throws Exception {
    int port = startService().port();
    Eventually.within(Duration.ofSeconds(3), () -> assertThat(passingPorts()).contains(port));
    JarProcess denied = jars.client(consul.get().registry(), "delete", "101");
    assertThat(denied.exitStatus()).isEqualTo(1);
    assertThat(denied.out()).isEmpty();
    assertThat(denied.err())
        .containsExactly("DELETE /user/101 failed: 403 permission denied (127.0.0.1:" + port + ")");

    JarProcess direct = jars.start("client", "get", "7", "--target", "http://127.0.0.1:" + port);
    assertThat(direct.exitStatus()).isZero();
    assertThat(direct.out()).containsExactly("guest" + port);

    JarProcess list = jars.client(consul.get().registry(), "instances");
    assertThat(list.exitStatus()).isZero();
    assertThat(list.out()).containsExactly("127.0.0.1:" + port);

    JarProcess missing =
        jars.client(
            consul.get().registry(), "get", "7", "--service", "missing", "--timeout", "300ms");
    assertThat(missing.exitStatus()).isEqualTo(1);
    assertThat(missing.err()).containsExactly("GET /user/7 failed: no instance of missing");

    JarProcess unknown = jars.start("client", "lop");
    assertThat(unknown.exitStatus()).isEqualTo(2);
    assertThat(unknown.err()).singleElement().asString().startsWith("unknown command lop");
  }

  @Test
  void jsonRpcPrintsTheSame() throws Exception {
    int port = serviceAlone().port();
    String[] target = {"--rpc", "--target", "http://127.0.0.1:" + port};
    JarProcess get = jars.start("client", "get", "7", target[0], target[1], target[2]);
    assertThat(get.exitStatus()).isZero();
    assertThat(get.out()).containsExactly("guest" + port);
    JarProcess denied = jars.start("client", "delete", "101", target[0], target[1], target[2]);
    assertThat(denied.exitStatus()).isEqualTo(1);
    assertThat(denied.err())
        .containsExactly("DELETE /user/101 failed: 403 permission denied (127.0.0.1:" + port + ")");
    JarProcess wrong = jars.start("client", "get", "x", target[0], target[1], target[2]);
    assertThat(wrong.exitStatus()).isEqualTo(1);
    assertThat(wrong.err())
        .containsExactly(
            "GET /user/x failed: 400 params: unexpected value at uid (127.0.0.1:" + port + ")");
  }

  @Test
  void clientLogsTheRequestIdThatItSends() throws Exception {
    BlockingQueue<String> ids = new LinkedBlockingQueue<>();
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext(
        "/",
        exchange -> {
          ids.add(exchange.getRequestHeaders().getFirst("X-Request-Id"));
          exchange.sendResponseHeaders(503, -1);
        });
    server.start();
    try {
      String target = "http://127.0.0.1:" + server.getAddress().getPort();
      JarProcess failing =
          jars.start("client", "get", "7", "--target", target, "--log-level", "debug");
      assertThat(failing.exitStatus()).isEqualTo(1);
      assertThat(failing.err())
          .anyMatch(line -> line.endsWith("GET /user/7 is request " + ids.peek()));
    } finally {
      server.stop(0);
    }
  }

  @Test
  void getAllCallsEveryInstanceOnce() throws Exception {
    Set<Integer> ports = Set.of(startService().port(), startService().port());
    Eventually.within(Duration.ofSeconds(3), () -> assertThat(passingPorts()).containsAll(ports));
    JarProcess all = jars.client(consul.get().registry(), "get", "101", "--all");
    assertThat(all.exitStatus()).isZero();
    assertThat(all.out())
        .containsExactlyInAnyOrderElementsOf(ports.stream().map(port -> "jerry" + port).toList());
  }

  private static HttpResponse<String> get(int port, String path) throws Exception {
    return send(port, "GET", path);
  }

  private static HttpResponse<String> send(int port, String method, String path) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(Duration.ofSeconds(10))
            .build();
    return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
  }
}
