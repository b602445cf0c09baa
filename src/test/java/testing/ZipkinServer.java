// SPDX-License-Identifier: Apache-2.0
package testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A real Zipkin, started as a process that keeps its traces in memory.
 *
 * <p>Without one, tests are skipped or fail, see {@link LocalServers#jar}.
 */
public final class ZipkinServer implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofSeconds(90); // Spring takes its time.

  private final HttpClient http = HttpClient.newHttpClient();
  private final ObjectMapper json = new ObjectMapper();
  private final URI uri;
  private final Process process;

  private ZipkinServer() throws IOException {
    String jar = LocalServers.jar("zipkin");
    int port = LocalServers.freePorts(1).get(0);
    uri = URI.create("http://127.0.0.1:" + port);
    process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", // It starts sooner, and has little to do.
                "-jar",
                jar,
                "--armeria.ports[0].ip=127.0.0.1", // By default, all addresses.
                "--armeria.ports[0].port=" + port,
                "--armeria.ports[0].protocols[0]=http")
            .redirectErrorStream(true)
            .redirectOutput(new File("target/zipkin-" + port + ".log"))
            .start();
  }

  /** Starts it and waits until it takes spans. */
  public static ZipkinServer start() throws Exception {
    ZipkinServer server = new ZipkinServer();
    try {
      Eventually.within(START_TIMEOUT, () -> server.get("/health"));
      return server;
    } catch (Throwable e) {
      server.close();
      throw e;
    }
  }

  /** What {@code --zipkin} takes. */
  public String uri() {
    return uri.toString();
  }

  /** Gets a path of its API, such as {@code /api/v2/traces}. */
  public JsonNode get(String path) throws IOException, InterruptedException {
    HttpResponse<byte[]> response =
        http.send(HttpRequest.newBuilder(uri.resolve(path)).build(), BodyHandlers.ofByteArray());
    if (response.statusCode() != 200) {
      throw new IOException(path + " answered " + response.statusCode());
    }
    return json.readTree(response.body());
  }

  @Override
  public void close() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }
}
