// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;

/** Calls the own server over the network, as clients will. */
final class SelfCheck {
  // To connect, and from there to the response. Usually 20 ms; but the first request loads many
  // classes, and a container may have a tenth of a processor.
  private static final int TIMEOUT_MILLIS = 10_000;

  private SelfCheck() {}

  /** Returns the address of {@code server} for clients on this machine. */
  static InetSocketAddress address(HttpServer server) {
    InetSocketAddress bound = server.getAddress();
    return bound.getAddress().isAnyLocalAddress()
        ? new InetSocketAddress(InetAddress.getLoopbackAddress(), bound.getPort())
        : bound;
  }

  /** Connects {@code socket} to {@code server}; returns the one to use, which shakes hands with TLS. */
  static Socket connect(Socket socket, HttpServer server, int timeoutMillis) throws IOException {
    socket.connect(address(server), timeoutMillis);
    socket.setSoTimeout(timeoutMillis);
    return server instanceof HttpsServer https
        ? ((ServerTls) https.getHttpsConfigurator()).secure(socket)
        : socket;
  }

  /** Requests {@code path}; returns normally if the status is 200. */
  static void get(HttpServer server, String path) throws IOException {
    try (Socket plain = new Socket();
        Socket socket = connect(plain, server, TIMEOUT_MILLIS)) {
      String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      String statusLine =
          new BufferedReader(
                  new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))
              .readLine();
      if (statusLine == null || !statusLine.startsWith("HTTP/1.1 200")) {
        throw new IOException("GET " + path + " on itself returned: " + statusLine);
      }
    } catch (SocketTimeoutException e) {
      throw new IOException(
          "GET " + path + " on itself: no response within " + TIMEOUT_MILLIS + " ms", e);
    }
  }
}
