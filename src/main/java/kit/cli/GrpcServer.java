// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import kit.discovery.Instance;
import kit.engine.EngineProtocol;
import kit.engine.EngineProvider;
import kit.grpc.GrpcHealth;
import kit.grpc.GrpcMethod;
import kit.grpc.GrpcService;
import kit.http.server.HttpService;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;
import org.slf4j.LoggerFactory;

/**
 * Serves gRPC beside the HTTP server of a program: on a port of its own, or on the same one. It is
 * as ready as that server, drains with it and stops with it.
 *
 * <pre>{@code
 * GrpcServer grpc = GrpcServer.of(grpcFlags, serverFlags);
 * HttpService http = serverFlags.bind(logs, grpc.sharedProtocols());
 * grpc.bind(http, logs);
 * grpc.serve(methods);
 * }</pre>
 *
 * <p>Without the flags for gRPC it does nothing.
 *
 * <p>Not thread-safe.
 */
public final class GrpcServer {
  private static final int BACKLOG = 1024;
  private static final byte[] NOT_HTTP_1 =
      "this port serves gRPC over HTTP/2\n".getBytes(StandardCharsets.US_ASCII);

  private final GrpcFlags flags;
  private final ServerFlags server;
  private final GrpcService service;
  private final Http2Protocol protocol;
  private Optional<HttpServer> own = Optional.empty();
  private HttpService http;
  private GrpcHealth health;

  private GrpcServer(GrpcFlags flags, ServerFlags server) {
    this.flags = flags;
    this.server = server;
    this.service = new GrpcService(GrpcService.Settings.defaults());
    this.protocol = new Http2Protocol(Http2Settings.defaults(), service);
  }

  /** Creates the server that the flags ask for. */
  public static GrpcServer of(GrpcFlags flags, ServerFlags server) {
    return new GrpcServer(flags, server);
  }

  /** Returns what the port of HTTP has to speak, too. */
  public List<EngineProtocol> sharedProtocols() {
    return flags.isShared() ? List.of(protocol) : List.of();
  }

  /**
   * Binds the port of gRPC, if it has one, for a server that stops with {@code http}, and writes the
   * access log of the calls if it is on.
   *
   * @throws Program.FailedException if the port is taken
   */
  public void bind(HttpService http, Logs logs) {
    this.http = http;
    health = new GrpcHealth(http::isReady);
    if (flags.port().isPresent()) {
      own = Optional.of(server.bind("--grpc-port", flags.port().get(), this::listen));
      Instance address = Instance.of(server.host(), own.get().getAddress().getPort());
      LoggerFactory.getLogger(GrpcServer.class).info("gRPC on {}", address.authority());
    }
    if (flags.isOn()) {
      http.with(this::stop);
      server.logRequests(service, logs);
    }
  }

  private HttpServer listen(String host, int port) throws IOException {
    HttpService.Settings settings =
        HttpService.Settings.of(host, port).withServer(server.timeouts());
    InetSocketAddress address = new InetSocketAddress(InetAddress.getByName(host), port);
    EngineProvider engine =
        new EngineProvider(KitEngine.limits(settings)).withProtocols(List.of(protocol));
    HttpServer listening = create(engine, address);
    listening.createContext("/", GrpcServer::rejectHttp1);
    return listening;
  }

  private HttpServer create(EngineProvider engine, InetSocketAddress address) throws IOException {
    Optional<SSLContext> tls = server.tls();
    if (tls.isEmpty()) {
      return engine.createHttpServer(address, BACKLOG);
    }
    HttpsServer secured = engine.createHttpsServer(address, BACKLOG);
    secured.setHttpsConfigurator(
        new HttpsConfigurator(tls.get())); // With the context's parameters.
    return secured;
  }

  private static void rejectHttp1(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/plain");
    exchange.sendResponseHeaders(505, NOT_HTTP_1.length);
    exchange.getResponseBody().write(NOT_HTTP_1);
    exchange.close();
  }

  /** Returns the server of the calls, to be traced, measured and logged; empty without gRPC. */
  public Optional<GrpcService> service() {
    return flags.isOn() ? Optional.of(service) : Optional.empty();
  }

  /** Returns the port on which gRPC is served; empty without gRPC, and if it is that of HTTP. */
  public Optional<Integer> ownPort() {
    return own.map(it -> it.getAddress().getPort());
  }

  /** Serves these methods, and the health of their services. Before the HTTP server starts. */
  public void serve(List<GrpcMethod> methods) {
    methods.forEach(method -> health.service(method.service(), http::isReady));
    service.addAll(methods).addAll(health.methods());
    own.ifPresent(HttpServer::start);
  }

  /** Reports from now on that it is not serving; the methods are still served. */
  public void drain() {
    health.drain();
  }

  private void stop(Duration patience) throws InterruptedException {
    drain();
    own.ifPresent(it -> it.stop((int) Math.min(Integer.MAX_VALUE, patience.toSeconds() + 1)));
    protocol.drain(patience);
  }
}
