// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.etcd.EtcdClient;

/**
 * A real etcd, started as a process: members on 127.0.0.1, with their data in a temporary folder.
 *
 * <p>Without one, tests are skipped or fail, see {@link LocalServers#binary}.
 */
public final class EtcdServer implements AutoCloseable {
  private static final int START_SECONDS = 30; // 0.3 alone; the machine may be busy
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final int START_ATTEMPTS = 3; // Between finding and using it, a port may be taken.

  private final String scheme;
  private final List<String> options;
  private final List<Integer> clientPorts;
  private final List<Integer> peerPorts;
  private final List<Integer> healthPorts;
  private final List<Process> processes = new ArrayList<>(); // Of the members, in their order.
  private final Path data;

  /** Starts a single member and waits until it can be used. */
  public static EtcdServer start(String... options) throws IOException, InterruptedException {
    return start(1, "http", options);
  }

  /** Starts a single member that makes itself a certificate, see {@link #certificate}. */
  public static EtcdServer startWithTls() throws IOException, InterruptedException {
    return start(1, "https", "--auto-tls");
  }

  /**
   * Starts one member that requires certificates of its clients.
   *
   * @param files has {@code server.crt}, {@code server.key} and {@code ca.crt}
   */
  public static EtcdServer startWithMutualTls(Path files) throws IOException, InterruptedException {
    return start(
        1,
        "https",
        "--cert-file=" + files.resolve("server.crt"),
        "--key-file=" + files.resolve("server.key"),
        "--trusted-ca-file=" + files.resolve("ca.crt"),
        "--client-cert-auth");
  }

  /** Starts three members. */
  public static EtcdServer startCluster() throws IOException, InterruptedException {
    return start(3, "http");
  }

  private static EtcdServer start(int members, String scheme, String... options)
      throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      EtcdServer server = new EtcdServer(members, scheme, options);
      try {
        server.restart();
        return server;
      } catch (IOException e) {
        server.close();
        if (attempt == START_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private EtcdServer(int members, String scheme, String... options) throws IOException {
    LocalServers.binary("etcd"); // Or the test ends here.
    this.scheme = scheme;
    this.options = List.of(options);
    List<Integer> ports = LocalServers.freePorts(3 * members);
    this.clientPorts = ports.subList(0, members);
    this.peerPorts = ports.subList(members, 2 * members);
    this.healthPorts = ports.subList(2 * members, 3 * members);
    this.data = Files.createTempDirectory("etcd-");
    Runtime.getRuntime().addShutdownHook(new Thread(this::destroy));
  }

  /** {@code http://127.0.0.1:port} of the first member; the same after a restart. */
  public URI uri() {
    return uris().get(0);
  }

  /** What {@code --registry} takes. */
  public String registry() {
    return "etcd://" + uri().getAuthority();
  }

  /** Returns a new client, without a user. */
  public EtcdClient client() {
    return new EtcdClient(List.of(uri()), HTTP, Duration.ofSeconds(3));
  }

  /** Deletes all keys that begin with {@code prefix}. */
  public void deleteAll(String prefix) throws IOException, InterruptedException {
    for (EtcdClient.Entry left : client().list(prefix).entries()) {
      delete(left.key());
    }
  }

  /** Where the members listen. */
  public List<URI> uris() {
    return clientPorts.stream().map(port -> URI.create(scheme + "://127.0.0.1:" + port)).toList();
  }

  /** What a client of {@link #startWithTls} has to trust, as PEM. */
  public Path certificate() {
    return folder(0).resolve("fixtures/client/cert.pem");
  }

  /** Kills all members. */
  public void kill() throws InterruptedException {
    for (Process process : processes) {
      process.destroyForcibly().waitFor();
    }
    processes.clear();
  }

  /** Ends one member like {@link #kill}. */
  public void kill(int member) throws InterruptedException {
    processes.get(member).destroyForcibly().waitFor();
  }

  /** Has one member stand still ({@code STOP}) or go on ({@code CONT}). */
  public void signal(int member, String signal) throws IOException, InterruptedException {
    String pid = Long.toString(processes.get(member).pid());
    new ProcessBuilder("kill", "-" + signal, pid).start().waitFor();
  }

  /** Starts all members on the same ports with the data that they had, killing them first. */
  public void restart() throws IOException, InterruptedException {
    kill();
    for (int member = 0; member < clientPorts.size(); member++) {
      processes.add(launch(member));
    }
    awaitHealth();
  }

  /** As {@link #restart}, but all data is lost. */
  public void restartEmpty() throws IOException, InterruptedException {
    kill();
    deleteData();
    restart();
  }

  @Override
  public void close() throws IOException, InterruptedException {
    kill();
    deleteData();
  }

  private void destroy() {
    try {
      close();
    } catch (IOException | InterruptedException e) {
      // The JVM is exiting, so there is no caller to report to.
    }
  }

  private Process launch(int member) throws IOException {
    String client = uris().get(member).toString();
    String peer = "http://127.0.0.1:" + peerPorts.get(member);
    List<String> cluster = new ArrayList<>();
    peerPorts.forEach(port -> cluster.add("at-" + port + "=http://127.0.0.1:" + port));
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            LocalServers.binary("etcd"),
            "--logger",
            "zap",
            "--name",
            "at-" + peerPorts.get(member)));
    command.addAll(List.of("--data-dir", folder(member).toString()));
    command.addAll(List.of("--listen-client-urls", client, "--advertise-client-urls", client));
    command.addAll(List.of("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer));
    command.addAll(List.of("--initial-cluster", String.join(",", cluster)));
    command.addAll(List.of("--listen-metrics-urls", healthUri(member).toString()));
    command.addAll(options);
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log()))
        .start();
  }

  private File log() {
    return new File("target/etcd-" + clientPorts.get(0) + ".log");
  }

  private Path folder(int member) {
    return data.resolve("member-" + member);
  }

  // Of its own, so that neither users nor certificates matter.
  private URI healthUri(int member) {
    return URI.create("http://127.0.0.1:" + healthPorts.get(member));
  }

  /** Waits until each member is up and has a leader. */
  private void awaitHealth() throws IOException, InterruptedException {
    long startedAtNanos = System.nanoTime();
    for (int member = 0; member < processes.size(); member++) {
      while (!isHealthy(member)) {
        if (processes.get(member).waitFor(20, TimeUnit.MILLISECONDS)) {
          throw new IOException("etcd has ended, see " + log());
        }
        if (System.nanoTime() - startedAtNanos > TimeUnit.SECONDS.toNanos(START_SECONDS)) {
          throw new IOException("etcd not usable after " + START_SECONDS + " s, see " + log());
        }
      }
    }
  }

  private boolean isHealthy(int member) throws InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(healthUri(member).resolve("/health"))
            .timeout(Duration.ofSeconds(2))
            .build();
    try {
      return HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body().contains("true");
    } catch (IOException e) {
      return false;
    }
  }

  /** A request that EtcdClient has no method for; without TLS. */
  public void post(String path, String json) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(uri().resolve(path))
            .POST(HttpRequest.BodyPublishers.ofString(json))
            .build();
    HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IOException(path + ": " + answer.statusCode() + " " + answer.body());
    }
  }

  /** Deletes a key, while users are not enabled. */
  public void delete(String key) throws IOException, InterruptedException {
    String base64 = Base64.getEncoder().encodeToString(key.getBytes(UTF_8));
    post("/v3/kv/deleterange", "{\"key\":\"" + base64 + "\"}");
  }

  /** Enables authentication with one user, which may access one prefix; without TLS. */
  public void enableUsers(String name, String password, String prefix)
      throws IOException, InterruptedException {
    byte[] end = prefix.getBytes(UTF_8);
    end[end.length - 1]++;
    Base64.Encoder base64 = Base64.getEncoder();
    String range =
        "\"key\":\"%s\",\"range_end\":\"%s\""
            .formatted(base64.encodeToString(prefix.getBytes(UTF_8)), base64.encodeToString(end));
    String user = "{\"name\":\"%s\",\"password\":\"%s\"}";
    post("/v3/auth/user/add", user.formatted("root", "root"));
    post("/v3/auth/role/add", "{\"name\":\"root\"}");
    post("/v3/auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}");
    post("/v3/auth/user/add", user.formatted(name, password));
    post("/v3/auth/role/add", "{\"name\":\"some\"}");
    post("/v3/auth/role/grant", "{\"name\":\"some\",\"perm\":{\"permType\":2," + range + "}}");
    post("/v3/auth/user/grant", "{\"user\":\"" + name + "\",\"role\":\"some\"}");
    post("/v3/auth/enable", "{}");
  }

  /** Returns the value of a metric of the first member. */
  public double metric(String name) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(healthUri(0).resolve("/metrics")).build();
    return HTTP.send(request, HttpResponse.BodyHandlers.ofString())
        .body()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length())))
        .findFirst()
        .orElseThrow();
  }

  private void deleteData() throws IOException {
    try (Stream<Path> files = Files.walk(data)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (NoSuchFileException e) {
      // Deleted before.
    }
  }
}
