// SPDX-License-Identifier: Apache-2.0
package testing;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import kit.consul.ConsulClient;
import kit.consul.ConsulClient.Health;
import kit.consul.ConsulClient.HealthQuery;
import kit.consul.ConsulClient.Service;

/**
 * A real Consul agent, started as a process: one server with its state in memory, on 127.0.0.1.
 *
 * <p>Without one, tests are skipped or fail, see {@link LocalServers#binary}.
 */
public final class ConsulAgent implements AutoCloseable {
  private static final int START_SECONDS = 30; // 0.2 alone; the machine may be busy
  private static final int START_ATTEMPTS = 3; // Between finding and using it, a port may be taken.

  private final int httpPort;
  private final int httpsPort;
  private final int dnsPort;
  private final Security security;
  private Process process;

  /**
   * A master token, which every request needs, and mutual TLS on a port of its own; the certificate is
   * the one of the agent's health checks, too.
   *
   * @param files has {@code server.crt}, {@code server.key} and {@code ca.crt}
   */
  public record Security(String token, Path files) {}

  /** Starts an agent without access control and waits until it is ready. */
  public static ConsulAgent start() throws IOException, InterruptedException {
    return start(null);
  }

  /** Starts an agent and waits until it can be used. */
  public static ConsulAgent start(Security security) throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      List<Integer> ports = LocalServers.freePorts(3);
      ConsulAgent agent = new ConsulAgent(ports.get(0), ports.get(1), ports.get(2), security);
      try {
        agent.restart();
        return agent;
      } catch (IOException e) {
        agent.close();
        if (attempt == START_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private ConsulAgent(int httpPort, int httpsPort, int dnsPort, Security security) {
    this.httpPort = httpPort;
    this.httpsPort = httpsPort;
    this.dnsPort = dnsPort;
    this.security = security;
  }

  /** {@code 127.0.0.1:port} of HTTPS, with {@link Security} only. */
  public String httpsAuthority() {
    return "127.0.0.1:" + httpsPort;
  }

  /** {@code 127.0.0.1:port} of DNS, over UDP and TCP; the same after a restart. */
  public String dnsAuthority() {
    return "127.0.0.1:" + dnsPort;
  }

  /** {@code http://127.0.0.1:port}; the same after a restart. */
  public URI uri() {
    return URI.create("http://127.0.0.1:" + httpPort);
  }

  /** What {@code --registry} takes. */
  public String registry() {
    return "consul://" + uri().getAuthority();
  }

  /** Returns a new client, without a token. */
  public ConsulClient client() {
    return new ConsulClient(uri());
  }

  /** Removes all services. */
  public void deregisterAll() throws IOException, InterruptedException {
    for (String id : client().services().keySet()) {
      client().deregister(id);
    }
  }

  /** Kills the agent. */
  public void kill() throws InterruptedException {
    if (process != null) {
      process.destroyForcibly().waitFor();
    }
  }

  /** Starts the agent on the same port, killing it first if it runs; it has forgotten all. */
  public void restart() throws IOException, InterruptedException {
    String binary = LocalServers.binary("consul");
    kill();
    File log = new File("target/consul-" + httpPort + ".log");
    List<Integer> ports = LocalServers.freePorts(2);
    process =
        new ProcessBuilder(
                binary,
                "agent",
                "-dev",
                "-node=agent-" + httpPort,
                "-bind=127.0.0.1",
                "-client=127.0.0.1",
                "-http-port=" + httpPort,
                "-server-port=" + ports.get(0),
                "-serf-lan-port=" + ports.get(1),
                "-serf-wan-port=-1",
                "-dns-port=" + dnsPort,
                "-grpc-port=-1",
                "-config-file=" + config())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    long startedAtNanos = System.nanoTime();
    while (!isUsable()) {
      if (process.waitFor(20, TimeUnit.MILLISECONDS)) {
        throw new IOException("consul ended with " + process.exitValue() + ", see " + log);
      }
      if (System.nanoTime() - startedAtNanos > TimeUnit.SECONDS.toNanos(START_SECONDS)) {
        throw new IOException("consul not usable after " + START_SECONDS + " s, see " + log);
      }
    }
  }

  private Path config() throws IOException {
    String json =
        security == null
            ? "{}"
            : """
              {"acl": {"enabled": true, "default_policy": "deny", "tokens": {"master": "%s"}},
               "ports": {"https": %d}, "cert_file": "%s", "key_file": "%s", "ca_file": "%s",
               "verify_incoming_https": true, "enable_agent_tls_for_checks": true,
               "server_name": "localhost"}
              """
                .formatted(
                    security.token(),
                    httpsPort,
                    security.files().resolve("server.crt"),
                    security.files().resolve("server.key"),
                    security.files().resolve("ca.crt"));
    return Files.writeString(Path.of("target/consul-" + httpPort + ".json"), json);
  }

  @Override
  public void close() throws InterruptedException {
    kill();
  }

  /** There is a leader, and registrations reach it. Leaves nothing behind. */
  private boolean isUsable() throws InterruptedException {
    String token = security == null ? "" : security.token();
    ConsulClient client =
        new ConsulClient(uri()).withToken(token).withTimeout(Duration.ofSeconds(2));
    Service probe = new Service("probe", "probe", "", 0, List.of(), Map.of());
    try {
      client.register(probe, List.of());
      boolean arrived = sees(1, client);
      client.deregister("probe");
      return arrived && sees(0, client);
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean sees(int probes, ConsulClient client)
      throws IOException, InterruptedException {
    HealthQuery query = HealthQuery.passing("probe", List.of());
    for (int round = 0; round < 10; round++) {
      Health health = client.health(query);
      if (health.entries().size() == probes) {
        return true;
      }
      query = query.changedSince(Math.max(1, health.index()), Duration.ofMillis(500));
    }
    return false;
  }
}
