// SPDX-License-Identifier: Apache-2.0
package testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A real Prometheus, started as a process with its data in a temporary folder.
 *
 * <p>Without one, tests are skipped or fail, see {@link LocalServers#binary}.
 */
public final class PrometheusServer implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofSeconds(30);

  private final HttpClient http = HttpClient.newHttpClient();
  private final ObjectMapper json = new ObjectMapper();
  private final Path folder;
  private final URI uri;
  private final Process process;

  private PrometheusServer(String configuration) throws IOException {
    String binary = LocalServers.binary("prometheus");
    folder = Files.createTempDirectory("prometheus-");
    Path file = Files.writeString(folder.resolve("prometheus.yml"), configuration);
    int port = LocalServers.freePorts(1).get(0);
    uri = URI.create("http://127.0.0.1:" + port);
    process =
        new ProcessBuilder(
                binary,
                "--config.file=" + file,
                "--storage.tsdb.path=" + folder.resolve("data"),
                "--web.listen-address=" + uri.getAuthority())
            .redirectErrorStream(true)
            .redirectOutput(new File("target/prometheus-" + port + ".log"))
            .start();
  }

  /** Starts it with this {@code prometheus.yml} and waits until it responds. */
  public static PrometheusServer start(String configuration) throws Exception {
    PrometheusServer server = new PrometheusServer(configuration);
    try {
      Eventually.within(START_TIMEOUT, () -> server.get("/-/ready"));
      return server;
    } catch (Throwable e) {
      server.close();
      throw e;
    }
  }

  private String get(String path) throws IOException, InterruptedException {
    var response =
        http.send(HttpRequest.newBuilder(uri.resolve(path)).build(), BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new IOException(path + " answered " + response.statusCode() + ": " + response.body());
    }
    return response.body();
  }

  /** Returns the value of each series that an expression yields now, by one of its labels. */
  public Map<String, Double> query(String expression, String label) throws Exception {
    String query = URLEncoder.encode(expression, StandardCharsets.UTF_8);
    JsonNode series = json.readTree(get("/api/v1/query?query=" + query)).at("/data/result");
    Map<String, Double> values = new TreeMap<>();
    for (JsonNode one : series) {
      values.put(one.at("/metric/" + label).asText(), one.at("/value/1").asDouble());
    }
    return values;
  }

  /** Returns the output of {@code promtool check metrics}: empty if there is no problem. */
  public static String complaintsAbout(String metrics) throws IOException, InterruptedException {
    return promtool(metrics, "check", "metrics");
  }

  /** Returns the output of {@code promtool check config} for a file and its rule files. */
  public static String checked(Path configuration) throws IOException, InterruptedException {
    return promtool("", "check", "config", configuration.toString());
  }

  private static String promtool(String input, String... args)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(LocalServers.binary("promtool")));
    command.addAll(List.of(args));
    Process promtool = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (OutputStream in = promtool.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.UTF_8));
    }
    String out = new String(promtool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int status = promtool.waitFor();
    return status == 0 ? out : out + "exit status " + status;
  }

  @Override
  public void close() throws IOException, InterruptedException {
    process.destroyForcibly().waitFor();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
