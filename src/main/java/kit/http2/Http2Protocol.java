// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import kit.engine.EngineProtocol;

/**
 * HTTP/2 on the connections of a server: with TLS if the client offers {@code h2}, without TLS if it
 * begins with the preface of HTTP/2 (prior knowledge).
 *
 * <pre>{@code
 * Http2Protocol http2 = new Http2Protocol(Http2Settings.defaults(), stream -> ...);
 * HttpServer server =
 *     new EngineProvider().withProtocols(List.of(http2)).createHttpServer(address, 0);
 * }</pre>
 *
 * <p>Handlers run on threads of the server, one for each stream: virtual ones from JDK 24 on. If
 * none is free, a stream is refused. Before a server that stops closes a connection, it sends GOAWAY
 * and waits for the streams that the client has opened.
 *
 * <p>Thread-safe.
 */
public final class Http2Protocol implements EngineProtocol {
  private final Http2Settings settings;
  private final Http2Handler handler;

  /** Creates a protocol whose requests {@code handler} answers. */
  public Http2Protocol(Http2Settings settings, Http2Handler handler) {
    this.settings = requireNonNull(settings, "settings");
    this.handler = requireNonNull(handler, "handler");
  }

  @Override
  public String name() {
    return "h2";
  }

  @Override
  public byte[] preface() {
    return FrameReader.PREFACE.getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void serve(Peer peer) {
    new ServerConnection(settings, handler, peer).serve();
  }
}
