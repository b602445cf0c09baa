// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.JarProcess;
import testing.LogfmtReader;

/** The log of the service on stderr, in each format. */
class LogFormatIT {
  private static final String HOSTILE_PATH =
      "/user/%0d%0alevel=info%20msg=%22all%20is%20well%22%1b";
  private static final String HOSTILE =
      "GET "
          + HOSTILE_PATH
          + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
          + "X-Request-Id: \"} \u001b[31m\r\nUser-Agent: \"a\" = \u009b\r\n\r\n";

  private final List<JarProcess> processes = new ArrayList<>();

  @AfterEach
  void stopProcesses() throws Exception {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
  }

  private JarProcess start(String... more) {
    return startWith("none", more);
  }

  private JarProcess startWith(String registry, String... more) {
    List<String> args =
        new ArrayList<>(List.of("--name", "userservice", "--port", "0", "--registry", registry));
    args.addAll(List.of(more));
    JarProcess process = JarProcess.start("user-service", args.toArray(String[]::new));
    processes.add(process);
    return process;
  }

  private static void send(int port, String request) throws Exception {
    try (Socket socket = new Socket("127.0.0.1", port)) {
      OutputStream out = socket.getOutputStream();
      out.write(request.getBytes(StandardCharsets.ISO_8859_1));
      socket.getInputStream().readAllBytes();
    }
  }

  private static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Request-Id: r1\r\n\r\n";
  }

  /** Waits until a line matches, and returns all lines. */
  private static List<String> await(JarProcess process, Predicate<String> isThere)
      throws Exception {
    Eventually.within(Duration.ofSeconds(10), () -> assertThat(process.err()).anyMatch(isThere));
    return process.err();
  }

  @Test
  void logfmtIsLogfmtAndNothingElse() throws Exception {
    JarProcess service = start("--log-format", "logfmt", "--access-log", "on");
    int port = service.port();
    send(port, get("/user/101?token=secret"));
    send(port, HOSTILE);
    List<String> lines = await(service, line -> line.contains("%1b"));

    List<Map<String, String>> events = lines.stream().map(LogfmtReader::read).toList();
    assertThat(events)
        .allSatisfy(event -> assertThat(event).containsKeys("level", "ts", "logger"))
        .allSatisfy(event -> assertThat(Instant.parse(event.get("ts"))).isNotNull());
    assertThat(events.get(0)).containsEntry("level", "info").containsEntry("logger", "Main");
    assertThat(events.get(0).get("msg")).startsWith("settings: name=userservice ");
    assertThat(events)
        .anySatisfy(
            event ->
                assertThat(event)
                    .containsEntry("logger", "access")
                    .containsEntry("route", "/user/{uid:\\d+}")
                    .containsEntry("path", "/user/101")
                    .containsEntry("request_id", "r1")
                    .containsKeys("trace_id", "remote", "took_ms"))
        .anySatisfy(
            event ->
                assertThat(event)
                    .containsEntry("path", HOSTILE_PATH)
                    .containsEntry("route", "-")
                    .containsEntry("status", "400"));
  }

  @Test
  void jsonIsJsonAndNothingElse() throws Exception {
    JarProcess service =
        start("--log-format", "json", "--access-log", "on", "--log-level", "debug");
    int port = service.port();
    send(port, get("/user/101"));
    send(port, HOSTILE);
    List<String> lines = await(service, line -> line.contains("%1b"));

    ObjectMapper json = new ObjectMapper();
    List<JsonNode> events = new ArrayList<>();
    for (String line : lines) {
      events.add(json.readTree(line));
    }
    assertThat(events)
        .allSatisfy(event -> assertThat(Instant.parse(event.get("ts").textValue())).isNotNull())
        .anySatisfy(event -> assertThat(event.at("/level").textValue()).isEqualTo("debug"))
        .anySatisfy(
            event -> {
              assertThat(event.at("/logger").textValue()).isEqualTo("access");
              assertThat(event.at("/status").intValue()).isEqualTo(200);
              assertThat(event.at("/took_ms").isNumber()).isTrue();
            })
        // At debug the service logs the arguments and the result of each operation.
        .anySatisfy(
            event -> {
              assertThat(event.at("/logger").textValue()).isEqualTo("users");
              assertThat(event.at("/method").textValue()).isEqualTo("getName");
              assertThat(event.at("/input").intValue()).isEqualTo(101);
              assertThat(event.at("/output").textValue()).isEqualTo("jerry" + port);
              assertThat(event.at("/request_id").textValue()).isEqualTo("r1");
            })
        .anySatisfy(
            event -> {
              assertThat(event.at("/path").textValue()).isEqualTo(HOSTILE_PATH);
              assertThat(event.at("/status").intValue()).isEqualTo(400);
            });
  }

  /** The registry's files are read before logs are set up. */
  @Test
  void formatHoldsWithARegistry() throws Exception {
    JarProcess service = startWith("consul://127.0.0.1:1", "--log-format", "json");
    service.port();

    for (String line : await(service, line -> line.contains("127.0.0.1:1 failed"))) {
      assertThat(new ObjectMapper().readTree(line).at("/level").isTextual()).as(line).isTrue();
    }
  }

  @Test
  void simpleHasTheAccessLogAsLogfmtAfterItsPrefix() throws Exception {
    JarProcess service = start("--access-log", "on", "--log-level", "error");
    int port = service.port();
    send(port, get("/user/7"));
    List<String> lines = await(service, line -> line.contains("path=/user/7"));

    assertThat(lines)
        .allMatch(line -> line.matches("\\d{4}-\\d\\d-\\d\\dT[^ ]+ INFO access - method=GET .*"));
    // The service checks itself, too, and that line may be the last.
    String user = lines.stream().filter(line -> line.contains("path=/user/7")).findFirst().get();
    assertThat(LogfmtReader.read(user.substring(user.indexOf("method="))))
        .containsEntry("route", "/user/{uid:\\d+}")
        .containsEntry("status", "200")
        .containsEntry("request_id", "r1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"simple", "logfmt", "json"})
  void levelAndAccessLogFollowTheFlags(String format) throws Exception {
    JarProcess quiet = start("--log-format", format, "--log-level", "warn");
    send(quiet.port(), get("/user/7"));
    JarProcess talkative = start("--log-format", format, "--log-level", "debug");
    send(talkative.port(), get("/user/7"));
    await(talkative, line -> line.contains("getName"));

    assertThat(quiet.err()).isEmpty();
    assertThat(talkative.err())
        .anyMatch(line -> line.contains("settings: "))
        .noneMatch(line -> line.contains("/user/7"));
  }

  @Test
  void unknownFormatIsAUsageError() throws Exception {
    JarProcess service = start("--log-format", "xml");

    assertThat(service.exitStatus()).isEqualTo(2);
    assertThat(service.err()).singleElement().asString().contains("--log-format", "xml");
  }
}
