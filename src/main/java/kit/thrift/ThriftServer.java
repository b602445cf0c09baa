// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PushbackInputStream;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.engine.EngineProtocol;
import kit.engine.EngineProvider;
import kit.engine.EngineSettings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves endpoints as methods of Thrift, on a port of its own.
 *
 * <pre>{@code
 * ThriftServer server = new ThriftServer(ThriftServer.MAX_MESSAGE_BYTES).add(getName, endpoint);
 * server.bind(new InetSocketAddress("127.0.0.1", 9091), EngineSettings.defaults());
 * server.start();
 * ...
 * server.stop(Duration.ofSeconds(5));
 * }</pre>
 *
 * <h2>Errors</h2>
 *
 * <pre>
 *   exception that the method declares   a result with it
 *   ThriftException                      as it is
 *   any other exception                  INTERNAL_ERROR, with a generic text
 *   malformed arguments                  PROTOCOL_ERROR
 *   unknown method                       UNKNOWN_METHOD
 *   malformed message, too long a frame  the connection is closed
 * </pre>
 *
 * <p>Calls of a oneway method have no response, whatever becomes of them.
 *
 * <h2>Threads and time</h2>
 *
 * <p>A connection has a thread of the engine: a virtual one from JDK 24 on. Calls of one connection
 * are handled one after another, in their order. The settings of the engine limit the connections, and
 * how long they may be idle, may take to send a call and to take its response; a handler has no limit.
 *
 * <p>Add all methods before {@link #start}; from then on it is thread-safe.
 */
public final class ThriftServer {
  /** The default limit of a message, 4 MiB. */
  public static final int MAX_MESSAGE_BYTES = 4 << 20;

  private static final Logger log = LoggerFactory.getLogger(ThriftServer.class);
  private static final int LARGEST_BYTES = (1 << 24) - 1; // The first byte of a frame is 0, then.
  private static final int BACKLOG = 1024;
  private static final Duration NO_LIMIT = Duration.ofDays(365);
  private static final byte[] NOT_HTTP =
      "this port serves Thrift\n".getBytes(StandardCharsets.US_ASCII);

  private final int maxMessageBytes;
  private final Map<String, Served<?, ?>> methods = new HashMap<>();
  private HttpServer server;
  private EngineSettings.Timeouts timeouts;

  /** A method, and what handles its calls. */
  private record Served<Q, R>(ThriftMethod<Q, R> method, Endpoint<Q, R> endpoint) {}

  /**
   * Creates a server without methods.
   *
   * @param maxMessageBytes the longest message that it accepts, 1 to 16777215
   */
  public ThriftServer(int maxMessageBytes) {
    if (maxMessageBytes < 1 || maxMessageBytes > LARGEST_BYTES) {
      throw new IllegalArgumentException(
          "maxMessageBytes not in 1.." + LARGEST_BYTES + ": " + maxMessageBytes);
    }
    this.maxMessageBytes = maxMessageBytes;
  }

  /**
   * Adds a method and returns this.
   *
   * @throws IllegalArgumentException if its name is taken
   */
  public <Q, R> ThriftServer add(ThriftMethod<Q, R> method, Endpoint<Q, R> endpoint) {
    Served<Q, R> served = new Served<>(method, requireNonNull(endpoint, "endpoint"));
    if (methods.putIfAbsent(method.name(), served) != null) {
      throw new IllegalArgumentException("duplicate method: " + method.name());
    }
    return this;
  }

  /**
   * Takes the port, once; connections wait until {@link #start}.
   *
   * @return the address, with the port that was chosen if {@code address} has port 0
   * @throws IOException if the port is taken
   */
  public InetSocketAddress bind(InetSocketAddress address, EngineSettings settings)
      throws IOException {
    timeouts = settings.timeouts();
    server =
        new EngineProvider(settings)
            .withProtocols(List.of(new Protocol()))
            .createHttpServer(address, BACKLOG);
    server.createContext("/", ThriftServer::rejectHttp);
    return server.getAddress();
  }

  private static void rejectHttp(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/plain");
    exchange.sendResponseHeaders(505, NOT_HTTP.length);
    exchange.getResponseBody().write(NOT_HTTP);
    exchange.close();
  }

  /** Accepts connections. */
  public void start() {
    server.start();
  }

  /**
   * Accepts no more connections, waits at most {@code patience} for the calls in flight, and closes
   * all. Stopping twice is harmless.
   */
  public void stop(Duration patience) {
    server.stop((int) Math.min(Integer.MAX_VALUE, patience.toSeconds() + 1));
  }

  /** Thrift on the connections of the engine. */
  private final class Protocol implements EngineProtocol {
    @Override
    public String name() {
      return "thrift"; // Not for ALPN, which Thrift has no name for.
    }

    @Override
    public byte[] preface() {
      return new byte[] {0};
    }

    @Override
    public void serve(Peer peer) throws IOException {
      AtomicBoolean isStopping = new AtomicBoolean();
      peer.onStop(() -> isStopping.set(true));
      PushbackInputStream in = new PushbackInputStream(peer.input());
      while (!isStopping.get()) {
        peer.expireIn(timeouts.idle());
        int first = in.read();
        if (first < 0) {
          return;
        }
        in.unread(first);
        peer.busy(true);
        try {
          serveOne(peer, in);
        } catch (EOFException | ProtocolException e) {
          log.debug("connection closed: {}", LogSafe.of(e.getMessage()));
          return;
        } finally {
          peer.busy(false);
        }
      }
    }

    private void serveOne(Peer peer, PushbackInputStream in) throws IOException {
      peer.expireIn(timeouts.request());
      ThriftMessage call = ThriftMessage.read(in, maxMessageBytes);
      peer.expireIn(NO_LIMIT);
      Optional<byte[]> response = response(call);
      if (response.isPresent()) {
        peer.expireIn(timeouts.response());
        OutputStream out = peer.output();
        out.write(response.get());
        out.flush();
      }
    }
  }

  Optional<byte[]> response(ThriftMessage call) throws ProtocolException {
    if (call.type() != ThriftMessage.CALL && call.type() != ThriftMessage.ONEWAY) {
      throw new ProtocolException("message of type " + call.type() + " instead of a call");
    }
    Served<?, ?> served = methods.get(call.name());
    boolean isOneway = call.type() == ThriftMessage.ONEWAY;
    if (served == null) {
      ThriftException e = new ThriftException(ThriftException.UNKNOWN_METHOD, "unknown method");
      byte[] failure = ThriftMethod.failure(call.name(), call.sequence(), e);
      return isOneway ? Optional.empty() : Optional.of(failure);
    }
    byte[] response = served(served, call);
    return isOneway || served.method().isOneway() ? Optional.empty() : Optional.of(response);
  }

  private static <Q, R> byte[] served(Served<Q, R> served, ThriftMessage call) {
    ThriftMethod<Q, R> method = served.method();
    int sequence = call.sequence();
    Q request;
    try {
      request = method.request(call.fields());
    } catch (IOException e) {
      String problem = "malformed arguments: " + e.getMessage();
      ThriftException failure = new ThriftException(ThriftException.PROTOCOL_ERROR, problem);
      return ThriftMethod.failure(method.name(), sequence, failure);
    }
    try {
      return method.reply(sequence, served.endpoint().call(Context.background(), request));
    } catch (Throwable e) {
      Thread.interrupted(); // The response is sent in any case.
      if (e instanceof ThriftException known) {
        return ThriftMethod.failure(method.name(), sequence, known);
      }
      return method
          .declaredFailure(sequence, e)
          .orElseGet(() -> ThriftMethod.failure(method.name(), sequence, internal(method, e)));
    }
  }

  private static ThriftException internal(ThriftMethod<?, ?> method, Throwable e) {
    log.error("{} failed: {}", method.name(), LogSafe.of(e));
    log.debug("stack trace of {}", method.name(), e);
    return new ThriftException(
        ThriftException.INTERNAL_ERROR, "the request could not be completed");
  }
}
