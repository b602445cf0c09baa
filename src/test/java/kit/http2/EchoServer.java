// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import javax.net.ssl.SSLContext;
import kit.engine.EngineProvider;
import kit.engine.EngineSettings;

/** A server of HTTP/2 that sends the body of a request back: for the tests, and for h2spec. */
final class EchoServer implements AutoCloseable {
  private final HttpServer server;

  EchoServer(int port, Http2Settings settings, Http2Handler handler) throws IOException {
    server = engine(settings, handler).createHttpServer(address(port), 0);
    server.start();
  }

  /** Serves with TLS, on any free port. */
  EchoServer(Http2Handler handler, SSLContext tls) throws IOException {
    HttpsServer secured =
        engine(Http2Settings.defaults(), handler).createHttpsServer(address(0), 0);
    secured.setHttpsConfigurator(new HttpsConfigurator(tls));
    server = secured;
    server.start();
  }

  private static EngineProvider engine(Http2Settings settings, Http2Handler handler) {
    return new EngineProvider(EngineSettings.defaults())
        .withProtocols(List.of(new Http2Protocol(settings, handler)));
  }

  private static InetSocketAddress address(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** Serves until the process ends; the argument is the port. */
  public static void main(String[] args) throws IOException {
    new EchoServer(Integer.parseInt(args[0]), Http2Settings.defaults(), EchoServer::echo);
  }

  static void echo(Http2Stream stream) throws IOException {
    byte[] body = stream.body().readAllBytes();
    List<HeaderField> head = RawHttp2.fields(":status", "200", "content-type", "text/plain");
    stream.sendHead(head, false);
    byte[] sent = body.length == 0 ? "hello\n".getBytes() : body;
    stream.sendData(sent, 0, sent.length, true);
  }

  int port() {
    return server.getAddress().getPort();
  }

  void stop(int delaySeconds) {
    server.stop(delaySeconds);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
