// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import kit.Context;
import kit.consul.agent.DevAgent;
import kit.grpc.GrpcChannel;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcEndpoint;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import testing.Eventually;
import testing.JarProcess;
import testing.PrometheusServer;
import testing.RawClient;

/** Metrics of the two programs, discovered and scraped by a real Prometheus. */
class MetricsIT {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final List<JarProcess> processes = new ArrayList<>();
  private final HttpClient http = HttpClient.newHttpClient();

  @AfterEach
  void stopProcesses() throws Exception {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
  }

  private JarProcess start(String jar, String... args) {
    JarProcess process = JarProcess.start(jar, args);
    processes.add(process);
    return process;
  }

  private JarProcess startService(String registry, String... more) {
    List<String> args =
        new ArrayList<>(List.of("--name", "userservice", "--port", "0", "--registry", registry));
    args.addAll(List.of(more));
    return start("user-service", args.toArray(String[]::new));
  }

  /** Starts {@code client.jar targets}, and returns the address of its list. */
  private String startTargets(String registry) throws Exception {
    JarProcess targets = start("client", "targets", "--port", "0", "--registry", registry);
    String line = targets.nextLine();
    assertThat(line).startsWith("targets listening on http://127.0.0.1:");
    return line.substring(line.indexOf("http://")) + "/targets";
  }

  private HttpResponse<String> get(String uri) throws Exception {
    return http.send(HttpRequest.newBuilder(URI.create(uri)).build(), BodyHandlers.ofString());
  }

  private void call(int port, int times) throws Exception {
    for (int i = 0; i < times; i++) {
      assertThat(get("http://127.0.0.1:" + port + "/user/" + i).statusCode()).isEqualTo(200);
    }
  }

  @Test
  void promtoolReportsNoProblems() throws Exception {
    int behind = startService("none").port();
    String proxied = "127.0.0.1:" + behind;
    int port =
        startService("none", "--rate", "0.001", "--proxy", proxied, "--engine", "kit").port();
    for (String path : List.of("/user/7", "/user/7", "/user/x", "/no/such", "/health")) {
      get("http://127.0.0.1:" + port + path);
    }
    try (RawClient client = new RawClient(port)) {
      client.send("not HTTP\r\n\r\n").answer(); // Rejected by the engine.
    }
    String metrics = get("http://127.0.0.1:" + port + "/metrics").body();

    assertThat(metrics)
        .contains("http_requests_total{method=\"OTHER\",route=\"-\",status=\"400\"} 1")
        .contains(
            "http_requests_total{method=\"GET\",route=\"/user/{uid:\\\\d+}\",status=\"429\"} 1")
        .contains("ratelimit_refused_total{limit=\"requests\"} 1")
        .contains("client_calls_total{service=\"the peers\",outcome=")
        .contains("userservice_calls_total{method=\"getName\",error=")
        .contains("build_info{version=\"0.1.0\",")
        .contains("http_server_info{engine=\"kit.engine\"} 1")
        .as("which an alert would fire on")
        .doesNotContain("registration_up");
    assertThat(PrometheusServer.complaintsAbout(metrics)).isEmpty();
    assertThat(PrometheusServer.complaintsAbout(metrics + "a b c\n")).isNotEmpty();
  }

  @Test
  void metricsAreNotLimited() throws Exception {
    int port = startService("none", "--rate", "0.001").port();
    String base = "http://127.0.0.1:" + port;
    assertThat(get(base + "/user/7").statusCode()).isEqualTo(200);
    assertThat(get(base + "/user/8").statusCode()).isEqualTo(429);

    for (int i = 0; i < 3; i++) {
      assertThat(get(base + "/metrics").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void prometheusScrapesTheServicesOfARegistryAndCountsRight() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      String registry = "consul://" + agent.uri().getAuthority();
      List<JarProcess> services =
          List.of(startService(registry), startService(registry), startService(registry));
      Map<String, Double> expected = new TreeMap<>();
      int calls = 1;
      for (JarProcess service : services) {
        int port = service.port();
        call(port, calls);
        expected.put("127.0.0.1:" + port, (double) calls);
        calls *= 10;
      }
      String configuration =
          """
          global:
            scrape_interval: 1s
          scrape_configs:
            - job_name: services
              http_sd_configs:
                - url: %s
                  refresh_interval: 1s
              relabel_configs:
                - source_labels: [__meta_kit_tags]
                  regex: .*,primary,.*
                  action: keep
          """
              .formatted(startTargets(registry));
      try (PrometheusServer prometheus = PrometheusServer.start(configuration)) {
        String counts =
            "sum by (instance) (http_requests_total{service=\"userservice\",status=\"200\","
                + "route=\"/user/{uid:\\\\d+}\"})";
        // Prometheus takes in a new list every 5 seconds only.
        Eventually.within(
            Duration.ofSeconds(60),
            () -> assertThat(prometheus.query(counts, "instance")).isEqualTo(expected));
        assertThat(prometheus.query("sum(registration_up)", "none")).containsValue(3.0);

        services.get(0).signal("TERM");
        Eventually.within(
            Duration.ofSeconds(60),
            () ->
                assertThat(prometheus.query("count(up == 1)", "none").values())
                    .containsExactly(2.0));
      }
    }
  }

  @Test
  void targetsHaveTagsAndMetaAndOmitRemovedInstances() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      String registry = "consul://" + agent.uri().getAuthority();
      String targets = startTargets(registry);
      JarProcess service = startService(registry, "--tags", "primary,eu");
      int port = service.port();
      ObjectMapper json = new ObjectMapper();
      Eventually.within(SOON, () -> assertThat(json.readTree(get(targets).body())).hasSize(1));

      HttpResponse<String> answer = get(targets);
      assertThat(answer.headers().firstValue("Content-Type")).contains("application/json");
      JsonNode group = json.readTree(answer.body()).get(0);
      assertThat(group.get("targets").toString()).isEqualTo("[\"127.0.0.1:" + port + "\"]");
      assertThat(group.at("/labels/service").textValue()).isEqualTo("userservice");
      assertThat(group.at("/labels/__meta_kit_tags").textValue()).isEqualTo(",primary,eu,");

      String metrics = get(targets.replace("/targets", "/metrics")).body();
      assertThat(metrics)
          .contains("client_instances{service=\"userservice\"} 1\n")
          .contains("client_registry_up{service=\"userservice\"} 1\n");

      service.signal("TERM");
      // The removal of the last one is published after a grace only, see ConsulInstances.
      Eventually.within(
          Duration.ofSeconds(60), () -> assertThat(json.readTree(get(targets).body())).isEmpty());
    }
  }

  @Test
  void targetsAre503UntilTheRegistryResponds() throws Exception {
    String targets = startTargets("consul://127.0.0.1:1");

    HttpResponse<String> answer = get(targets);
    assertThat(answer.statusCode()).isEqualTo(503);
    assertThat(answer.body()).contains("the registry has not responded yet");
  }

  @Test
  void configurationsInTheDocsAreValid(@TempDir Path folder) throws Exception {
    String docs = Files.readString(Path.of("docs/operations.md"));
    Matcher block =
        Pattern.compile("`(\\w+\\.yml)`.*?```yaml\n(.*?)```", Pattern.DOTALL).matcher(docs);
    List<String> names = new ArrayList<>();
    while (block.find()) {
      names.add(block.group(1));
      Files.writeString(folder.resolve(block.group(1)), block.group(2));
    }

    assertThat(names).containsExactly("prometheus.yml", "alerts.yml");
    assertThat(PrometheusServer.checked(folder.resolve("prometheus.yml")))
        .contains("SUCCESS: 1 rule files found")
        .contains("SUCCESS: 12 rules found")
        .doesNotContain("FAILED", "exit status");
  }

  private static void checkHealthByGrpc(int port) throws Exception {
    GrpcCodec<byte[]> bytes = GrpcCodec.of(message -> message, message -> message);
    try (GrpcChannel channel = GrpcChannel.to("127.0.0.1", port)) {
      GrpcEndpoint.unary(channel, "/grpc.health.v1.Health/Check", bytes, bytes)
          .call(Context.background(), new byte[0]);
    }
  }

  @Test
  void metricsInTheDocsExist() throws Exception {
    int behind = startService("none").port();
    String zipkin = "http://127.0.0.1:" + behind;
    String proxied = "127.0.0.1:" + behind;
    int port =
        startService(
                "none",
                "--rate",
                "1",
                "--proxy",
                proxied,
                "--zipkin",
                zipkin,
                "--engine",
                "kit",
                "--grpc")
            .port();
    get("http://127.0.0.1:" + port + "/user/7");
    checkHealthByGrpc(port);
    String metrics = get("http://127.0.0.1:" + port + "/metrics").body();

    List<String> documented =
        Pattern.compile("^\\| (`[a-z_`, ]+`) \\|", Pattern.MULTILINE)
            .matcher(Files.readString(Path.of("docs/operations.md")))
            .results()
            .flatMap(row -> Stream.of(row.group(1).split("[`, ]+")))
            .filter(name -> !name.isEmpty())
            .toList();
    List<String> shown =
        Pattern.compile("^# TYPE (\\S+)", Pattern.MULTILINE)
            .matcher(metrics)
            .results()
            .map(line -> line.group(1))
            .filter(name -> !name.matches("(jvm|process)_.*|build_info"))
            .toList();
    // Those that are there only when something is wrong, or with a registry.
    List<String> rare = List.of("client_retries_total", "metrics_dropped_total", "registration_up");
    assertThat(documented)
        .containsAll(shown)
        .allMatch(name -> shown.contains(name) || rare.contains(name));
  }
}
