// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleSupplier;
import javax.net.ssl.SSLContext;
import kit.discovery.Instance;
import kit.http.client.LazyTls;
import kit.http.server.HttpService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Consul agent for development and tests, in this process and in memory: for machines without
 * Consul, and for tests that should not need one.
 *
 * <p><b>Not for production</b>, where a Consul cluster belongs: this one has no second node, keeps
 * nothing, and controls no access.
 *
 * <pre>{@code
 * try (DevAgent agent = DevAgent.start("127.0.0.1", 8500)) {
 *   ConsulClient consul = new ConsulClient(agent.uri());
 *   ...
 * }
 * }</pre>
 *
 * <h2>What it does</h2>
 *
 * <pre>
 *   PUT /v1/agent/service/register          GET /v1/agent/self
 *   PUT /v1/agent/service/deregister/:id    GET /v1/catalog/datacenters
 *   PUT /v1/agent/service/maintenance/:id   GET /v1/catalog/nodes
 *   PUT /v1/agent/maintenance               GET /v1/catalog/node/:node
 *   GET /v1/agent/services                  GET /v1/catalog/services
 *   GET /v1/agent/health/service/id/:id     GET /v1/catalog/service/:name
 *   PUT /v1/agent/check/register            GET /v1/health/service/:name
 *   PUT /v1/agent/check/deregister/:id      GET /v1/health/checks/:name
 *   PUT /v1/agent/check/pass/:id            GET /v1/health/state/:state
 *   PUT /v1/agent/check/warn/:id            GET /v1/status/leader
 *   PUT /v1/agent/check/fail/:id            GET /v1/status/peers
 *   PUT /v1/agent/check/update/:id          GET /v1/agent/members
 *   GET /v1/agent/checks
 * </pre>
 *
 * <p>That is what Consul's command line needs for {@code members}, {@code catalog}, {@code
 * services}, {@code maint} and {@code watch}, and what client libraries call for registration and
 * discovery. Any other path is answered with 404, and logged the first time.
 *
 * <p>Statuses, headers and refusals are those of Consul 1.8, and so is what time does: HTTP, TCP
 * and TTL checks are really run, the first time at a random moment within their interval, and a
 * service that was critical for its {@code DeregisterCriticalServiceAfter} (at least a minute) is
 * removed at the next look, every 30 seconds. Catalogue and health queries may block; a change of
 * one service does not end a query for another. {@code ConsulContract}, a test, runs against both.
 *
 * <p>What it does differently:
 *
 * <ul>
 *   <li>A blocking query waits for at most 45 seconds, because this server allows a minute.
 *   <li>Ids and names with a slash, a backslash or a control character are rejected with 400: this
 *       server accepts no path with {@code %2F}.
 *   <li>A check over TLS always verifies the certificate, against the address that is checked: {@code
 *       TLSSkipVerify} is rejected with 400, as are script, Docker and alias checks, the fields of the
 *       service mesh, and {@code filter}.
 *   <li>An HTTP check follows no redirect: one is critical.
 *   <li>Tagged addresses are kept as given; none is derived from the address.
 *   <li>A registration is in the catalogue when its response is sent, and not some milliseconds
 *       later.
 *   <li>{@code CreateIndex} and {@code ModifyIndex} of services and checks are always 1; {@code
 *       X-Consul-Index} counts.
 *   <li>Texts of errors and check outputs may differ.
 * </ul>
 *
 * <h2>Errors</h2>
 *
 * <p>A malformed request, or one longer than 1 MiB, is rejected in plain text.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. A blocking query holds the thread of its request, a virtual one from JDK 24 on;
 * there may be 4,096 concurrent requests. One thread runs timers, at most 32 run checks. {@link
 * #close} ends them within about half a second; blocking queries are rejected with 503.
 */
public final class DevAgent implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DevAgent.class);
  private static final int MAX_IN_FLIGHT = 4096;
  private static final int SERVER_PORT = 8300; // What clients expect in "consul"; not bound.
  private static final Duration STOP_PATIENCE = Duration.ofMillis(500);

  private final HttpService http;
  private final URI uri;
  private final AgentChecks checks;
  private final AgentState state;

  private DevAgent(HttpService http, String address, CheckProbe probe, DoubleSupplier random) {
    String authority = Instance.of(address, http.port()).authority();
    String server = Instance.of(address, SERVER_PORT).authority();
    this.http = http;
    this.uri = URI.create(http.scheme() + "://" + authority);
    this.checks = new AgentChecks(random, probe);
    this.state = new AgentState(ServiceDefinition.ofServer(SERVER_PORT), checks);
    http.start(new AgentRoutes(state, new AgentJson(address), authority, server, log));
  }

  /**
   * Starts an agent.
   *
   * @param host the address to bind; services without an address of their own get this one, or
   *     127.0.0.1 if it stands for all addresses
   * @param port the TCP port; 0 = any free one
   * @throws java.net.BindException if the port is taken, or the address not ours
   */
  public static DevAgent start(String host, int port) throws IOException {
    return start(host, port, Optional.empty(), LazyTls.context());
  }

  /**
   * As {@link #start(String, int)}, with HTTPS in place of HTTP if there is a context for it.
   *
   * @param checks the context of checks over TLS: the CAs to trust, and a certificate for services that
   *     require one
   */
  public static DevAgent start(String host, int port, Optional<SSLContext> tls, SSLContext checks)
      throws IOException {
    return start(host, port, tls, checks, () -> ThreadLocalRandom.current().nextDouble());
  }

  /** An agent whose checks first run at this part of their interval, from 0 to below 1. */
  static DevAgent start(String host, int port, DoubleSupplier random) throws IOException {
    return start(host, port, Optional.empty(), LazyTls.context(), random);
  }

  /** As above, over TLS. */
  static DevAgent start(
      String host, int port, Optional<SSLContext> tls, SSLContext checks, DoubleSupplier random)
      throws IOException {
    InetAddress bound = InetAddress.getByName(host);
    String address = bound.isAnyLocalAddress() ? "127.0.0.1" : bound.getHostAddress();
    HttpService.Settings clear = HttpService.Settings.of(host, port);
    HttpService.Settings settings = tls.map(clear::withTls).orElse(clear);
    HttpService http = HttpService.bind(settings.withMaxInFlight(MAX_IN_FLIGHT));
    return new DevAgent(http, address, new CheckProbe(checks), random);
  }

  int inFlight() {
    return http.inFlight();
  }

  /** Returns the port that is bound. */
  public int port() {
    return http.port();
  }

  /** Returns the address for clients: {@code http://127.0.0.1:8500}. */
  public URI uri() {
    return uri;
  }

  /** Forgets everything and stops; may be called again. */
  @Override
  public void close() {
    http.drain(); // So that the last answers close their connections.
    state.close();
    checks.close();
    try {
      http.stop(STOP_PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
