// SPDX-License-Identifier: Apache-2.0
package testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.nacos.NacosClient;

/**
 * A real Nacos, started as a process, with its data in a temporary folder.
 *
 * <p>Without one, tests are skipped or fail, see {@link LocalServers#binary}.
 */
public final class NacosServer implements AutoCloseable {
  private static final int START_SECONDS = 120; // 6 to 20 alone; the machine may be busy.
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final String binary = LocalServers.binary("nacos"); // Or the test ends here.
  private final List<String> options;
  private final int port;
  private final Path home;
  private Process process;

  /** Starts a server and waits until it can be used. */
  public static NacosServer start(String... options) throws Exception {
    NacosServer server = new NacosServer(options);
    try {
      server.restartEmpty();
      return server;
    } catch (IOException e) {
      server.close();
      throw e;
    }
  }

  private NacosServer(String... options) throws IOException {
    this.options = List.of(options);
    this.port = LocalServers.freePorts(1).get(0);
    this.home = Files.createTempDirectory("nacos-");
    Runtime.getRuntime().addShutdownHook(new Thread(this::destroy));
  }

  /** {@code http://127.0.0.1:port}; the same after a restart. */
  public URI uri() {
    return URI.create("http://127.0.0.1:" + port);
  }

  /** The value for {@code --registry}. */
  public String registry() {
    return "nacos://127.0.0.1:" + port;
  }

  /** Returns a new client, without a user. */
  public NacosClient client() {
    return new NacosClient(List.of(uri()), HTTP, Duration.ofSeconds(3));
  }

  /** Kills the server, and returns once its port is free. */
  public void kill() throws Exception {
    if (process == null) {
      return;
    }
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().waitFor();
    process = null;

    // The process that listens is a child of that one, and on a busy machine ends later.
    Eventually.within(
        Duration.ofSeconds(START_SECONDS),
        () -> assertThat(LocalServers.isFree(port)).as("port " + port).isTrue());
  }

  /** Starts the server on the same port, without its data. */
  public void restartEmpty() throws Exception {
    kill();
    deleteData();
    // Its start takes both cores for seconds: other tests that run at the time come first.
    List<String> command =
        new ArrayList<>(List.of("nice", "-n", "10", binary, home.toString(), "" + port));
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
        throw new IOException("Nacos has ended, see " + log());
      }
      if (System.nanoTime() - startedAtNanos > TimeUnit.SECONDS.toNanos(START_SECONDS)) {
        throw new IOException("Nacos not ready after " + START_SECONDS + " s, see " + log());
      }
    }
  }

  private boolean isReady() throws InterruptedException {
    try {
      int status = send("GET", "/nacos/v3/client/ns/instance/list?serviceName=ready").statusCode();
      return status == 200 || status == 403;
    } catch (IOException e) {
      return false;
    }
  }

  /** Deregisters all instances of a service, and waits until the list of Nacos is empty. */
  public void deregisterAll(NacosClient.Service service) throws Exception {
    Eventually.within(
        Duration.ofSeconds(START_SECONDS),
        () -> {
          List<NacosClient.Instance> left = client().list(service, List.of());
          for (NacosClient.Instance instance : left) {
            client().deregister(service, instance);
          }
          assertThat(left).isEmpty();
        });
  }

  /**
   * Adds the administrator {@code nacos} and a user that may read and write the default namespace; for
   * a server with {@code --nacos.core.auth.enabled=true}.
   */
  public void addUser(String name, String password) throws IOException, InterruptedException {
    ok(send("POST", "/nacos/v3/auth/user/admin?password=admin"));
    String token = "accessToken=" + token("nacos", "admin");
    ok(
        send(
            "POST",
            "/nacos/v3/auth/user?" + token + "&username=" + name + "&password=" + password));
    ok(send("POST", "/nacos/v3/auth/role?" + token + "&role=some&username=" + name));
    ok(
        send(
            "POST",
            "/nacos/v3/auth/permission?" + token + "&role=some&resource=public:*:*&action=rw"));
  }

  /** Changes the password of a user. */
  public void changePassword(String name, String password, String changed)
      throws IOException, InterruptedException {
    String user = "&username=" + name + "&newPassword=" + changed;
    ok(send("PUT", "/nacos/v3/auth/user?accessToken=" + token(name, password) + user));
  }

  private String token(String name, String password) throws IOException, InterruptedException {
    String user = "?username=" + name + "&password=" + password;
    String json = send("POST", "/nacos/v3/auth/user/login" + user).body();
    return new ObjectMapper().readTree(json).path("accessToken").asText();
  }

  private static void ok(HttpResponse<String> response) throws IOException {
    if (!response.body().contains("\"code\":0,")) {
      throw new IOException(response.request().uri().getPath() + ": " + response.body());
    }
  }

  /** Sends a request for which {@link NacosClient} has no method. */
  public HttpResponse<String> send(String method, String target)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(uri().resolve(target))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(Duration.ofSeconds(5))
            .build();
    return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
  }

  private File log() {
    return new File("target/nacos-" + port + ".log");
  }

  private void deleteData() throws IOException {
    if (!Files.exists(home)) {
      return;
    }
    try (Stream<Path> files = Files.walk(home)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  @Override
  public void close() throws Exception {
    kill();
    deleteData();
  }

  private void destroy() {
    try {
      close();
    } catch (Exception e) {
      // The JVM ends.
    }
  }
}
