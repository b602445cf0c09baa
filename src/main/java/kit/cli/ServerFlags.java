// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.Endpoint;
import kit.Shutdown;
import kit.discovery.Instance;
import kit.engine.EngineProtocol;
import kit.http.Request;
import kit.http.RequestServer;
import kit.http.Response;
import kit.http.server.AccessLog;
import kit.http.server.HttpService;
import kit.http.server.ServerEngine;
import kit.http.server.ServerSettings;
import kit.metrics.Metrics;

/**
 * The flags of HTTP servers, and the steps from binding the port to the graceful shutdown.
 *
 * <pre>{@code
 * ServerFlags server = new ServerFlags(flags, "8080").declareMaxInFlight().declareAccessLog();
 * flags.parse(args);
 * HttpService http = server.bind(logs);
 * ...
 * Shutdown shutdown = server.shutdown(http, registration).step("flush traces", traces);
 * server.serve("listening", http, handler, shutdown);
 * }</pre>
 *
 * <p>A program declares the flags that apply to it. A setting without a flag has its default; without
 * {@link #declareDrain} the drain takes at most 2 seconds.
 *
 * <p>Not thread-safe, as {@link Flags} is not.
 */
public final class ServerFlags {
  // The JDK's server counts in whole seconds.
  private static final Flags.Type<Duration> WHOLE_SECONDS =
      Flags.DURATION.where(
          "of whole seconds, 1s or more",
          duration -> duration.toSeconds() >= 1 && duration.toNanosPart() == 0);

  private static final String GROUP = "Server";
  private static final String PORT_HELP = "TCP port; 0 = any free port";

  private final Flags flags;
  private final Supplier<Integer> port;
  private final Supplier<String> host;
  private Supplier<Optional<Integer>> maxInFlight = Optional::empty;
  private Supplier<HttpEngine> engine = () -> HttpEngine.JDK;
  private Supplier<ServerSettings> timeouts = ServerSettings::defaults;
  private Supplier<Duration> drainDelay = () -> Duration.ZERO;
  private Supplier<Duration> drainTimeout = () -> Duration.ofSeconds(2);
  private Supplier<Boolean> accessLog = () -> false;
  private Optional<TlsFlags> tls = Optional.empty();

  private ServerFlags(Flags flags, Supplier<Integer> port) {
    this.flags = flags;
    this.port = port;
    host = flags.optional("bind", HttpAddress.HOST, "127.0.0.1", "address to bind");
  }

  /** Declares {@code --port}, which is required, and {@code --bind}. */
  public ServerFlags(Flags flags) {
    this(flags, flags.group(GROUP).required("port, p", Flags.PORT, PORT_HELP));
  }

  /** Declares {@code --port} with a default, and {@code --bind}. */
  public ServerFlags(Flags flags, String port) {
    this(flags, flags.group(GROUP).optional("port", Flags.PORT, port, PORT_HELP));
  }

  /** Declares {@code --max-in-flight}. */
  public ServerFlags declareMaxInFlight() {
    Supplier<Integer> most =
        flags
            .group(GROUP)
            .optional(
                "max-in-flight",
                Flags.integer(1, 1_000_000),
                "1024",
                "maximum concurrent requests; above: 503");
    maxInFlight = () -> Optional.of(most.get());
    return this;
  }

  /** Declares {@code --request-timeout} and {@code --response-timeout}. */
  public ServerFlags declareTimeouts() {
    flags.group(GROUP);
    Supplier<Duration> request =
        flags.optional(
            "request-timeout",
            WHOLE_SECONDS,
            "10s",
            "time limit to receive a request and its body");
    Supplier<Duration> response =
        flags.optional("response-timeout", WHOLE_SECONDS, "60s", "time limit to send the response");
    timeouts = () -> new ServerSettings(request.get(), response.get());
    return this;
  }

  /** Declares {@code --drain-delay}, with {@code help} for its meaning, and {@code --drain-timeout}. */
  public ServerFlags declareDrain(String help) {
    flags.group(GROUP);
    drainDelay = flags.optional("drain-delay", Flags.DURATION, "1s", help);
    drainTimeout =
        flags.optional(
            "drain-timeout", Flags.DURATION, "10s", "maximum wait for in-flight requests");
    return this;
  }

  /** Declares {@code --engine}, for the server and the calls of the program. */
  public ServerFlags declareEngine() {
    flags.group(GROUP);
    engine = HttpEngine.declare(flags, "HTTP engine: jdk (the JDK's own), kit (stricter)");
    return this;
  }

  /** Declares {@code --tls-cert}, {@code --tls-key} and {@code --tls-client-ca}. */
  public ServerFlags declareTls() {
    tls = Optional.of(new TlsFlags(flags));
    return this;
  }

  /** Declares {@code --access-log}. */
  public ServerFlags declareAccessLog() {
    Supplier<String> log =
        flags
            .group("Observability")
            .optional(
                "access-log",
                Flags.oneOf("MODE", "off", "on"),
                "off",
                "access log on stderr: off or on");
    accessLog = () -> log.get().equals("on");
    return this;
  }

  /** Returns the address to bind, as given. */
  public String host() {
    return host.get();
  }

  /** Returns the port as given; 0 = any free port. */
  public int port() {
    return port.get();
  }

  /** Returns the time limits of the server. */
  public ServerSettings timeouts() {
    return timeouts.get();
  }

  /** Returns how long the server still serves when it has deregistered. */
  public Duration drainDelay() {
    return drainDelay.get();
  }

  /**
   * Returns the context of TLS, the same for all ports; empty for clear ones. From the first call on it
   * follows its files, until {@link #closeTls}.
   *
   * @throws Flags.UsageException if a file cannot be used
   */
  public Optional<SSLContext> tls() {
    return tls.flatMap(TlsFlags::context);
  }

  /** No longer follows the files of TLS. A server of {@link #bind(Logs)} does it when it stops. */
  public void closeTls() {
    tls.ifPresent(TlsFlags::close);
  }

  /** Registers the metrics of the certificate, if there is one, after a server was bound. */
  public void show(Metrics metrics) {
    tls.ifPresent(it -> it.show(metrics));
  }

  /**
   * Binds the port, and writes the access log if it is on.
   *
   * @throws Program.FailedException if the port is taken, or the address not one of this machine
   */
  public HttpService bind(Logs logs) {
    return bind(logs, timeouts(), List.of());
  }

  /** As {@link #bind(Logs)}, with other time limits than those of the flags. */
  public HttpService bind(Logs logs, ServerSettings timeouts) {
    return bind(logs, timeouts, List.of());
  }

  /** As {@link #bind(Logs)}, with other protocols on the same port; they need {@code --engine kit}. */
  public HttpService bind(Logs logs, List<EngineProtocol> protocols) {
    return bind(logs, timeouts(), protocols);
  }

  private HttpService bind(Logs logs, ServerSettings timeouts, List<EngineProtocol> protocols) {
    Optional<SSLContext> context = tls();
    HttpService http =
        bind(
            (host, port) -> {
              HttpService.Settings clear =
                  HttpService.Settings.of(host, port)
                      .withServer(timeouts)
                      .withEngine(engine(protocols));
              HttpService.Settings settings = context.map(clear::withTls).orElse(clear);
              return HttpService.bind(
                  maxInFlight.get().map(settings::withMaxInFlight).orElse(settings));
            });
    http.with(patience -> closeTls());
    logRequests(http, logs);
    return http;
  }

  /** Writes the access log of a server, if it is on. */
  void logRequests(RequestServer to, Logs logs) {
    if (accessLog.get()) {
      to.onCompleted(new AccessLog(logs.events("access")::log));
    }
  }

  private ServerEngine engine(List<EngineProtocol> protocols) {
    return isOnKitEngine() ? KitEngine.speaking(protocols) : ServerEngine.INSTALLED;
  }

  /** Returns whether {@code --engine kit} is set. */
  public boolean isOnKitEngine() {
    return engine() == HttpEngine.KIT;
  }

  /** Returns the engine, also for the calls of the program. */
  public HttpEngine engine() {
    return engine.get();
  }

  /** Binds a server to a port. */
  @FunctionalInterface
  public interface Binding<T> {
    /** Returns the server that listens at {@code host} and {@code port}. */
    T bind(String host, int port) throws IOException;
  }

  /** As {@link #bind(Logs)}, for a server that is not an {@link HttpService}. */
  public <T> T bind(Binding<T> binding) {
    return bind("--port", port(), binding);
  }

  /** As {@link #bind(Binding)}, for the port of another flag. */
  <T> T bind(String flag, int port, Binding<T> binding) {
    try {
      return binding.bind(host(), port);
    } catch (IOException e) {
      throw new Program.FailedException(
          flag + ": cannot listen on " + host() + ":" + port + ": " + e.getMessage(), e);
    }
  }

  /**
   * Returns the steps of a graceful shutdown, to which the program adds its own.
   *
   * @param registration closed first, so that discovery no longer returns the server
   */
  public Shutdown shutdown(HttpService http, AutoCloseable registration) {
    return http.shutdown(registration, drainDelay.get(), drainTimeout.get());
  }

  /**
   * Serves until a signal: starts {@code http}, checks that {@code /health} responds, and prints the
   * line with the address.
   *
   * @param announcement the line up to the address: {@code gateway listening}
   * @param shutdown runs on the signal
   * @throws IOException if {@code /health} does not respond with 200
   */
  public void serve(
      String announcement, HttpService http, Endpoint<Request, Response> handler, Shutdown shutdown)
      throws IOException {
    shutdown.onSignal();
    http.start(handler);
    http.selfCheck("/health");
    String authority = Instance.of(host(), http.port()).authority();
    System.out.println(announcement + " on " + http.scheme() + "://" + authority);
  }
}
