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
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * A request and its response.
 *
 * <p>Used by one thread at a time; a handler may hand it to another thread.
 */
final class EngineExchange extends HttpExchange
    implements MessageBody.Listener, ResponseBody.Listener {
  private static final Set<String> OURS = Set.of("Connection", "Date", "Transfer-encoding");
  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int NO_CONTENT = 204;
  private static final int NOT_MODIFIED = 304;

  private final Http1 http;
  private final Connection connection;
  private final OutputStream output;
  private final Head head;
  private final HttpContext context;
  private final MessageBody requestBody;
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

  EngineExchange(Http1 http, Head head, HttpContext context) {
    this.http = http;
    this.connection = http.connection();
    this.output = connection.output();
    this.head = head;
    this.context = context;
    this.requestBody =
        new MessageBody(connection.input(), http.headReader(), head.contentLength(), this);
    this.responseBody = new ResponseBody(output, this);
    this.requestStream = requestBody;
    this.responseStream = responseBody;
  }

  MessageBody body() {
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
    if (isFinal(code)) {
      throw new IOException("headers already sent");
    }
    StringBuilder lines = new StringBuilder(256).append(Status.line(status));
    boolean isHead = head.method().equals("HEAD");
    boolean mayHaveBody = !isHead && status > 199 && status != NO_CONTENT && status != NOT_MODIFIED;
    // Checked before a byte is sent.
    appendFields(lines, isHead && length <= 0 && status > 199 || status == NOT_MODIFIED);
    if (!isFinal(status)) {
      send(lines.append("\r\n"));
      output.flush();
      return;
    }
    ResponseBody.Framing framing = mayHaveBody ? framing(length) : ResponseBody.Framing.NONE;
    isLast = isLast || isLast(status) || framing == ResponseBody.Framing.CLOSE;
    code = status;
    lines.append(http.engine().date());
    if (framing == ResponseBody.Framing.CHUNKED) {
      lines.append("Transfer-Encoding: chunked\r\n");
    } else if (mayHaveBody && framing != ResponseBody.Framing.CLOSE || isHead && length > 0) {
      lines.append("Content-Length: ").append(Math.max(0, length)).append("\r\n");
    }
    if (isLast) {
      lines.append("Connection: close\r\n");
    } else if (!head.isHttp11()) {
      lines.append("Connection: keep-alive\r\n");
    }
    send(lines.append("\r\n"));
    responseBody.begin(framing, length);
    if (framing == ResponseBody.Framing.NONE) {
      responseBody.close();
    }
  }

  private static boolean isFinal(int status) {
    return status >= 200 || status == SWITCHING_PROTOCOLS;
  }

  private ResponseBody.Framing framing(long length) {
    if (length < 0) {
      return ResponseBody.Framing.NONE;
    }
    if (length > 0) {
      return ResponseBody.Framing.LENGTH;
    }
    return head.isHttp11() ? ResponseBody.Framing.CHUNKED : ResponseBody.Framing.CLOSE;
  }

  private boolean isLast(int status) {
    return !head.keepsAlive()
        || http.engine().isStopping()
        || status == SWITCHING_PROTOCOLS
        || head.expectsContinue() && !requestBody.isStarted()
        || requestBody.hasMoreThan(http.engine().settings().maxDrainedBytes())
        || Head.hasToken(responseHeaders, "Connection", "close");
  }

  private void send(StringBuilder lines) throws IOException {
    output.write(lines.toString().getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Appends the handler's fields, without those that the engine sets. */
  private void appendFields(StringBuilder lines, boolean mayHaveLength) {
    responseHeaders.forEach(
        (name, values) -> {
          boolean isOurs = OURS.contains(name) || name.equals("Content-length") && !mayHaveLength;
          if (!isOurs && values != null) {
            values.forEach(value -> append(lines, name, value == null ? "" : value));
          }
        });
  }

  private static void append(StringBuilder lines, String name, String value) {
    if (!Tokens.isToken(name)) {
      throw new IllegalArgumentException("invalid character in the name of a response field");
    }
    if (!Tokens.isValue(value)) {
      throw new IllegalArgumentException("invalid character in the response field " + name);
    }
    lines.append(name).append(": ").append(value).append("\r\n");
  }

  @Override
  public void bodyStarted() throws IOException {
    http.bodyStarted();
    if (head.expectsContinue() && code < 0) {
      send(new StringBuilder(Status.line(100)).append("\r\n"));
      output.flush();
    }
  }

  @Override
  public void bodyEnded() {
    http.requestArrived();
  }

  @Override
  public void responseStreams() {
    http.responseStreams();
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

  /** The handler failed: sends a 500 if nothing was sent, and ends the exchange. */
  void fail() {
    try {
      if (!isFinal(code)) {
        responseHeaders.clear();
        isLast = true;
        sendResponseHeaders(500, -1);
      }
    } catch (IOException | RuntimeException e) {
      // The connection is closed.
    }
    responseEnded(false);
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
    return head.minorVersion() == 1 ? "HTTP/1.1" : "HTTP/1." + head.minorVersion();
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
