// SPDX-License-Identifier: Apache-2.0
package it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import kit.consul.agent.DevAgent;
import kit.http.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.JarProcess;

/** Host names with two addresses, of which servers listen on the second only. */
@Timeout(120)
class NamesWithTwoAddressesIT {
  private static final String SECOND = "127.0.0.2";

  private final List<JarProcess> processes = new ArrayList<>();
  private final BlockingQueue<JsonNode> spans = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> requests = new LinkedBlockingQueue<>();
  private HttpServer server;
  private List<String> options;

  @BeforeEach
  void startServer(@TempDir Path folder) throws IOException {
    Path hosts = folder.resolve("hosts");
    Files.writeString(hosts, "127.0.0.1 two.example\n127.0.0.2 two.example\n");
    options = List.of("-Djdk.net.hosts.file=" + hosts);
    server = HttpServer.create(new InetSocketAddress(SECOND, 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stopAll() throws Exception {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    String host = exchange.getRequestHeaders().getFirst("Host");
    if (exchange.getRequestURI().getPath().equals("/api/v2/spans")) {
      Json.readTree(body).forEach(spans::add);
    } else {
      requests.add(exchange.getRequestMethod() + " " + host + " " + new String(body, UTF_8));
    }
    exchange.sendResponseHeaders(200, -1);
    exchange.close();
  }

  private JarProcess start(String jar, String... args) {
    JarProcess process = JarProcess.startWith(options, jar, args);
    processes.add(process);
    return process;
  }

  private String serverByName() {
    return "two.example:" + server.getAddress().getPort();
  }

  private JarProcess service(String name, String registry, String... more) {
    List<String> args = new ArrayList<>(List.of("--name", name, "--port", "0"));
    args.addAll(List.of("--registry", registry));
    args.addAll(List.of(more));
    return start("user-service", args.toArray(String[]::new));
  }

  private static List<String> outputOf(JarProcess client) throws Exception {
    assertThat(client.exitStatus()).as("%s", client.err()).isZero();
    return client.out();
  }

  @Test
  void listedInstancesAndTargetsAreReached() throws Exception {
    int port = service("userservice", "none", "--bind", SECOND).port();
    String list = "static:two.example:" + port;

    assertThat(outputOf(start("client", "get", "101", "--registry", list)))
        .containsExactly("jerry" + port);
    assertThat(outputOf(start("client", "get", "101", "--target", "http://two.example:" + port)))
        .containsExactly("jerry" + port);
    assertThat(outputOf(start("client", "instances", "--registry", list)))
        .containsExactly("two.example:" + port);
  }

  @Test
  void gatewaySendsToTheAddressThatAcceptsUnderTheName() throws Exception {
    String line =
        start("client", "gateway", "--port", "0", "--registry", "static:" + serverByName())
            .nextLine();
    URI gateway = URI.create(line.substring(line.indexOf("http://")));
    HttpClient http = HttpClient.newHttpClient();
    for (String body : List.of("", "whole", "streamed".repeat(100_000))) {
      HttpResponse<Void> response =
          http.send(
              HttpRequest.newBuilder(gateway.resolve("/userservice/a"))
                  .POST(BodyPublishers.ofString(body))
                  .build(),
              BodyHandlers.discarding());
      assertThat(response.statusCode()).isEqualTo(200);
      assertThat(requests.take()).isEqualTo("POST " + serverByName() + " " + body);
    }
  }

  @Test
  void agentIsReachedByServicesAndClients() throws Exception {
    try (DevAgent agent = DevAgent.start(SECOND, 0)) {
      String registry = "consul://two.example:" + agent.uri().getPort();
      int port = service("userservice", registry).port();

      JarProcess client = start("client", "get", "101", "--timeout", "10s", "--registry", registry);
      assertThat(outputOf(client)).containsExactly("jerry" + port);
    }
  }

  @Test
  void spansNameTheAdvertisedAddressAndNoWildcard() throws Exception {
    for (String advertised : List.of("192.0.2.7", "auto", "users.example")) {
      String name = "service-" + advertised;
      int port =
          service(
                  name,
                  "consul://127.0.0.1:1",
                  "--bind",
                  "0.0.0.0",
                  "--advertise",
                  advertised,
                  "--zipkin",
                  "http://" + serverByName(),
                  "--sample-ratio",
                  "1")
              .port();
      HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/user/101")).build(),
              BodyHandlers.discarding());

      JsonNode local = spans.take().get("localEndpoint");
      while (!local.get("serviceName").asText().equals(name)) { // One more of the service before.
        local = spans.take().get("localEndpoint");
      }
      assertThat(local.path("ipv4").asText())
          .isEqualTo(advertised.equals("192.0.2.7") ? advertised : "");
    }
  }
}
