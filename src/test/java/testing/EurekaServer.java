// SPDX-License-Identifier: Apache-2.0
package testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A real Eureka, started as a process: a single server, with its registry in memory.
 *
 * <p>Without one, tests are skipped or fail, see {@link LocalServers#binary}.
 */
public final class EurekaServer implements AutoCloseable {
  private static final int START_SECONDS = 120; // 6 alone; the machine may be busy.
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  // A list is a second old at most, and instances expire when their lease does. One that was read
  // while an instance registered can lack it until it is thrown away, else after 180 seconds.
  private static final List<String> FAST =
      List.of(
          "--eureka.server.response-cache-update-interval-ms=1000",
          "--eureka.server.response-cache-auto-expiration-in-seconds=3",
          "--eureka.server.eviction-interval-timer-in-ms=500",
          "--eureka.server.enable-self-preservation=false",
          "--eureka.server.wait-time-in-ms-when-sync-empty=0");

  private final String binary = LocalServers.binary("eureka"); // Or the test ends here.
  private final List<String> options;
  private final int port;
  private Process process;

  /**
   * Starts a server whose lists are a second old at most, which evicts instances when their lease ends,
   * and waits until it can be used.
   *
   * @param options {@code --property=value} of Spring, which take precedence
   */
  public static EurekaServer start(String... options) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(FAST);
    all.addAll(List.of(options));
    return started(all);
  }

  /** Starts a server with Eureka's defaults: its lists are up to 30 seconds old. */
  public static EurekaServer startWithDefaultCaches() throws IOException, InterruptedException {
    return started(List.of());
  }

  /** As {@link #start}, but the server requires basic authentication. */
  public static EurekaServer startWithUser(String name, String password)
      throws IOException, InterruptedException {
    return start(
        "--spring.security.user.name=" + name, "--spring.security.user.password=" + password);
  }

  private static EurekaServer started(List<String> options)
      throws IOException, InterruptedException {
    EurekaServer server = new EurekaServer(options);
    try {
      server.restartEmpty();
      return server;
    } catch (IOException e) {
      server.close();
      throw e;
    }
  }

  private EurekaServer(List<String> options) throws IOException {
    this.options = List.copyOf(options);
    this.port = LocalServers.freePorts(1).get(0);
    Runtime.getRuntime().addShutdownHook(new Thread(this::destroy));
  }

  /** {@code http://127.0.0.1:port/eureka}; the same after a restart. */
  public URI uri() {
    return URI.create("http://127.0.0.1:" + port + "/eureka");
  }

  /** The value for {@code --registry}. */
  public String registry() {
    return "eureka://127.0.0.1:" + port + "/eureka";
  }

  /** Kills the server. */
  public void kill() throws InterruptedException {
    if (process != null) {
      process.destroyForcibly().waitFor();
      process = null;
    }
  }

  /** Suspends the server ({@code STOP}) or resumes it ({@code CONT}). */
  public void signal(String signal) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
  }

  /** Starts the server on the same port, killing it first; it has lost all instances. */
  public void restartEmpty() throws IOException, InterruptedException {
    kill();
    // Its start takes both cores for seconds: other tests that run at the time come first.
    List<String> command = new ArrayList<>(List.of("nice", "-n", "10", binary, "" + port));
    command.addAll(options);
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log()))
            .start();
    awaitReady();
  }

  private void awaitReady() throws IOException, InterruptedException {
    long startedAtNanos = System.nanoTime();
    while (!isReady()) {
      if (process.waitFor(100, TimeUnit.MILLISECONDS)) {
        throw new IOException("Eureka has ended, see " + log());
      }
      if (System.nanoTime() - startedAtNanos > TimeUnit.SECONDS.toNanos(START_SECONDS)) {
        throw new IOException("Eureka not ready after " + START_SECONDS + " s, see " + log());
      }
    }
  }

  private boolean isReady() throws InterruptedException {
    try {
      int status = send("GET", "/apps").statusCode();
      return status == 200 || status == 401;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Deregisters all instances of all applications, and waits until the list of Eureka is empty; for a
   * server without a user.
   */
  public void deregisterAll() throws Exception {
    Eventually.within(
        Duration.ofSeconds(START_SECONDS),
        () -> {
          JsonNode apps = new ObjectMapper().readTree(send("GET", "/apps").body());
          JsonNode left = apps.path("applications").path("application");
          for (JsonNode app : left) {
            for (JsonNode instance : app.path("instance")) {
              String name = app.path("name").asText();
              send("DELETE", "/apps/" + name + "/" + instance.path("instanceId").asText());
            }
          }
          assertThat(left).isEmpty();
        });
  }

  /** Sends a request without a body to a path below {@link #uri}; the response is JSON. */
  public HttpResponse<String> send(String method, String path)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(uri() + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .header("Accept", "application/json")
            .timeout(Duration.ofSeconds(5))
            .build();
    return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private File log() {
    return new File("target/eureka-" + port + ".log");
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }

  private void destroy() {
    try {
      close();
    } catch (InterruptedException e) {
      // The JVM ends.
    }
  }
}
