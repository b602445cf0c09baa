// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import kit.http.RequestId;
import kit.http.Response;

/** Puts one response on the wire, in the way the JDK's server wants it, and knows how far it got. */
final class ResponseSender {
  // What the JDK's server does not forgive, found out by trying:
  // - A length given to sendResponseHeaders for HEAD, 204 or 304 logs a warning for each request.
  // - HttpExchange.close() drains the request before it flushes the answer. Closing the response
  //   stream does it in the right order.
  // - After a failed write the IOException must leave the handler. Whoever catches it and closes
  //   the exchange instead leaks a slot of jdk.httpserver.maxConnections.

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

  /** The status that has been sent; 0 before. */
  int status() {
    return status;
  }

  /** How many bytes of a body have been sent. */
  long bytes() {
    return bytes;
  }

  /** Whether it is the connection that has failed, and not the writer of the body. */
  boolean isBroken() {
    return isBroken;
  }

  /**
   * Sends all of {@code response}; to be called once.
   *
   * @param isLast whether the connection ends with this answer
   */
  void send(Response response, String requestId, boolean isLast) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    boolean hasBody = !isHead && response.status() != 204 && response.status() != 304;
    boolean hasOnlyLength = !hasBody && response.status() != 204; // RFC 9110, section 8.6.
    for (Map.Entry<String, List<String>> header : response.headers().entrySet()) {
      // What delimits a body is for the server to say, or two programs see two bodies.
      String name = header.getKey();
      boolean isLength = name.equalsIgnoreCase("Content-Length");
      if (isLength ? hasOnlyLength : !name.equalsIgnoreCase("Transfer-Encoding")) {
        headers.put(name, header.getValue());
      }
    }
    headers.put(RequestId.HEADER, List.of(requestId));
    if (isLast) {
      headers.put("Connection", CLOSE); // The JDK's server looks here, and does so.
    }
    if (hasBody && response.length() != 0) {
      sendHeaders(response.status(), Math.max(0, response.length())); // To the JDK, 0 is "unknown",
      sendBody(response);
    } else {
      if (hasOnlyLength && response.length() > 0) {
        headers.put("Content-Length", List.of(Long.toString(response.length())));
      }
      sendHeaders(response.status(), -1); // and -1 is "no body".
      // That has drained the request. Where it broke off, the JDK has closed the connection and
      // forgotten to take it off its books; this does. Otherwise it does nothing.
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
      body.finish(); // Not in a finally clause: half a body must not pass for a whole one.
    } finally {
      bytes = body.written();
      isBroken = body.isBroken();
    }
  }
}
