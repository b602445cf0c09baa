// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A request and its response.
 *
 * <p>Used by one thread at a time; a handler may hand it to another thread.
 */
final class EngineExchange extends HttpExchange
    implements RequestBody.Listener, ResponseBody.Listener {
  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int NO_CONTENT = 204;
  private static final int NOT_MODIFIED = 304;

  private final Connection connection;
  private final Output output;
  private final Head head;
  private final HttpContext context;
  private final RequestBody requestBody;
  private final ResponseBody responseBody;
  private final Headers responseHeaders = new Headers();

  private InputStream requestStream;
  private OutputStream responseStream;
  private Map<String, Object> attributes;
  private HttpPrincipal principal;
  private int code = -1;
  private boolean isLast; // The connection closes after this exchange.

  // Guarded by this.
  private boolean hasEnded;
  private boolean isComplete;

  EngineExchange(
      Connection connection, Head head, HttpContext context, Input input, Output output) {
    this.connection = connection;
    this.output = output;
    this.head = head;
    this.context = context;
    this.requestBody = new RequestBody(input, connection.headReader(), head.contentLength(), this);
    this.responseBody = new ResponseBody(output, this);
    this.requestStream = requestBody;
    this.responseStream = responseBody;
  }

  RequestBody body() {
    return requestBody;
  }

  /** Returns whether the connection must close after this exchange. */
  boolean isLast() {
    return isLast;
  }

  void authenticated(HttpPrincipal principal) {
    this.principal = principal;
  }

  @Override
  public void sendResponseHeaders(int status, long length) throws IOException {
    if (status < 100 || status > 999) {
      throw new IllegalArgumentException("status not in 100..999: " + status);
    }
    if (code >= 200 || code == SWITCHING_PROTOCOLS) {
      throw new IOException("headers already sent");
    }
    boolean isInterim = status < 200 && status != SWITCHING_PROTOCOLS;
    if (isInterim) {
      sendInterim(status);
      return;
    }
    boolean isHead = head.method().equals("HEAD");
    boolean mayHaveBody =
        !isHead && status >= 200 && status != NO_CONTENT && status != NOT_MODIFIED;
    ResponseBody.Framing framing = ResponseBody.Framing.NONE;
    if (mayHaveBody && length >= 0) {
      framing =
          length > 0
              ? ResponseBody.Framing.LENGTH
              : head.isHttp11() ? ResponseBody.Framing.CHUNKED : ResponseBody.Framing.CLOSE;
    }
    isLast =
        !head.keepsAlive()
            || connection.isClosing()
            || framing == ResponseBody.Framing.CLOSE
            || status == SWITCHING_PROTOCOLS
            || head.expectsContinue() && !requestBody.isStarted()
            || requestBody.hasMoreThan(connection.maxDrainedBytes())
            || Head.hasToken(responseHeaders, "Connection", "close");

    // Checked before a byte is sent.
    String fields = fields(isHead && length <= 0 || status == NOT_MODIFIED);
    code = status;
    output.text(Status.line(status));
    output.text(connection.date());
    output.text(fields);
    if (framing == ResponseBody.Framing.CHUNKED) {
      output.text("Transfer-Encoding: chunked\r\n");
    } else if (framing == ResponseBody.Framing.LENGTH || isHead && length > 0) {
      output.text("Content-Length: " + length + "\r\n");
    } else if (mayHaveBody && framing == ResponseBody.Framing.NONE) {
      output.text("Content-Length: 0\r\n");
    }
    if (isLast) {
      output.text("Connection: close\r\n\r\n");
    } else {
      output.text(head.isHttp11() ? "\r\n" : "Connection: keep-alive\r\n\r\n");
    }
    responseBody.begin(framing, length);
    if (framing == ResponseBody.Framing.NONE) {
      responseBody.close();
    }
  }

  private void sendInterim(int status) throws IOException {
    String fields = fields(false);
    output.text(Status.line(status));
    output.text(fields);
    output.text("\r\n");
    output.flush();
  }

  /** Returns the lines of the handler's fields, without those that the engine sets. */
  private String fields(boolean mayHaveLength) {
    StringBuilder lines = new StringBuilder(128);
    for (Map.Entry<String, List<String>> field : responseHeaders.entrySet()) {
      String name = field.getKey();
      boolean isOurs =
          name.equals("Connection")
              || name.equals("Transfer-encoding")
              || name.equals("Date")
              || name.equals("Content-length") && !mayHaveLength;
      if (isOurs || field.getValue() == null) {
        continue;
      }
      for (String value : field.getValue()) {
        append(lines, name, value);
      }
    }
    return lines.toString();
  }

  private static void append(StringBuilder lines, String name, String value) {
    for (int i = 0; i < name.length(); i++) {
      if (!Tokens.isToken(name.charAt(i))) {
        throw new IllegalArgumentException("invalid character in the name of a response field");
      }
    }
    String text = value == null ? "" : value;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Tokens.isInValue(c) || c > 0xff) {
        throw new IllegalArgumentException("invalid character in the response field " + name);
      }
    }
    lines.append(name).append(": ").append(text).append("\r\n");
  }

  @Override
  public void started() throws IOException {
    connection.bodyStarted();
    if (head.expectsContinue() && code < 0) {
      output.text(Status.line(100));
      output.text("\r\n");
      output.flush();
    }
  }

  @Override
  public void ended() {
    connection.requestArrived();
  }

  @Override
  public synchronized void responseEnded(boolean isComplete) {
    if (!hasEnded) {
      hasEnded = true;
      this.isComplete = isComplete;
      notifyAll();
    }
  }

  /** Waits until the response was sent; returns whether it was sent to its end. */
  synchronized boolean awaitEnd() throws InterruptedException {
    while (!hasEnded) {
      wait();
    }
    return isComplete;
  }

  @Override
  public void close() {
    try {
      if (code >= 200) {
        responseStream.close();
      }
    } catch (IOException e) {
      // The connection is closed below.
    }
    responseEnded(false);
  }

  @Override
  public Headers getRequestHeaders() {
    return head.fields();
  }

  @Override
  public Headers getResponseHeaders() {
    return responseHeaders;
  }

  @Override
  public URI getRequestURI() {
    return head.target();
  }

  @Override
  public String getRequestMethod() {
    return head.method();
  }

  @Override
  public HttpContext getHttpContext() {
    return context;
  }

  @Override
  public InputStream getRequestBody() {
    return requestStream;
  }

  @Override
  public OutputStream getResponseBody() {
    return responseStream;
  }

  @Override
  public InetSocketAddress getRemoteAddress() {
    return connection.remoteAddress();
  }

  @Override
  public InetSocketAddress getLocalAddress() {
    return connection.localAddress();
  }

  @Override
  public int getResponseCode() {
    return code;
  }

  @Override
  public String getProtocol() {
    return switch (head.minorVersion()) {
      case 0 -> "HTTP/1.0";
      case 1 -> "HTTP/1.1";
      default -> "HTTP/1." + head.minorVersion();
    };
  }

  /** Attributes belong to this exchange, not to its context as with the JDK's own engine. */
  @Override
  public Object getAttribute(String name) {
    if (name.equals(EngineProvider.TRAILERS)) {
      return requestBody.trailers();
    }
    return attributes == null ? null : attributes.get(name);
  }

  @Override
  public void setAttribute(String name, Object value) {
    if (attributes == null) {
      attributes = new HashMap<>();
    }
    if (value == null) {
      attributes.remove(name);
    } else {
      attributes.put(name, value);
    }
  }

  @Override
  public void setStreams(InputStream in, OutputStream out) {
    if (in != null) {
      requestStream = in;
    }
    if (out != null) {
      responseStream = out;
    }
  }

  @Override
  public HttpPrincipal getPrincipal() {
    return principal;
  }
}
