// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import kit.http.RequestId;
import kit.http.Response;

/** Sends one response through the JDK's server, and records its progress. */
final class ResponseSender {
  // Undocumented behaviour of the JDK's server:
  // - A length given to sendResponseHeaders for HEAD, 204 or 304 logs a warning for each request.
  // - HttpExchange.close() drains the request before it flushes the response. Closing the response
  //   stream does both in the right order.
  // - After a failed write the IOException must leave the handler. Catching it and closing the
  //   exchange instead leaks a slot of jdk.httpserver.maxConnections.

  private static final List<String> CLOSE = List.of("close");

  private final HttpExchange exchange;
  private final boolean isHead;

  private int status;
  private long bytes;
  private boolean isBroken;

  ResponseSender(HttpExchange exchange, boolean isHead) {
    this.exchange = exchange;
    this.isHead = isHead;
  }

  /** Returns the status that was sent; 0 before. */
  int status() {
    return status;
  }

  /** Returns how many bytes of the body were sent. */
  long bytes() {
    return bytes;
  }

  /** Returns whether the connection failed, and not the writer of the body. */
  boolean isBroken() {
    return isBroken;
  }

  /**
   * Sends {@code response}; to be called once.
   *
   * @param isLast whether the connection is closed after this response
   */
  void send(Response response, String requestId, boolean isLast) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    boolean hasBody = !isHead && response.status() != 204 && response.status() != 304;
    boolean hasOnlyLength = !hasBody && response.status() != 204; // RFC 9110, section 8.6.
    for (Map.Entry<String, List<String>> header : response.headers().entrySet()) {
      // Only the server sets the framing of the body: contradicting headers would be ambiguous.
      String name = header.getKey();
      boolean isLength = name.equalsIgnoreCase("Content-Length");
      if (isLength ? hasOnlyLength : !name.equalsIgnoreCase("Transfer-Encoding")) {
        headers.put(name, header.getValue());
      }
    }
    headers.put(RequestId.HEADER, List.of(requestId));
    if (isLast) {
      headers.put("Connection", CLOSE); // The JDK's server then closes the connection.
    }
    if (hasBody && response.length() != 0) {
      sendHeaders(
          response.status(), Math.max(0, response.length())); // The JDK reads 0 as "unknown",
      sendBody(response);
    } else {
      if (hasOnlyLength && response.length() > 0) {
        headers.put("Content-Length", List.of(Long.toString(response.length())));
      }
      sendHeaders(response.status(), -1); // and -1 is "no body".
      // That has drained the request. If the request was incomplete, the JDK has closed the
      // connection without removing it from its set; this does. Otherwise it has no effect.
      try {
        exchange.getResponseBody().close();
      } catch (IOException | RuntimeException e) {
        isBroken = true;
        throw ResponseBody.broken(e);
      }
    }
  }

  private void sendHeaders(int status, long length) throws IOException {
    try {
      exchange.sendResponseHeaders(status, length);
    } catch (IOException | RuntimeException e) {
      isBroken = true;
      throw ResponseBody.broken(e);
    }
    this.status = status;
  }

  private void sendBody(Response response) throws IOException {
    ResponseBody body = new ResponseBody(exchange.getResponseBody(), response.length());
    try {
      response.writeTo(body);
      body.finish(); // Not in a finally clause: an incomplete body must not look complete.
    } finally {
      bytes = body.written();
      isBroken = body.isBroken();
    }
  }
}
