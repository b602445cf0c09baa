// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** A raw HTTP connection: tests see each byte that a real HTTP client hides or repairs. */
public final class RawClient implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 15_000; // Machines may be busy.

  private final Socket socket;
  private final InputStream in;

  public RawClient(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.setTcpNoDelay(true);
    in = new BufferedInputStream(socket.getInputStream());
  }

  /** A response as received; header names are found in any case. */
  public record Answer(int status, Map<String, String> headers, byte[] bytes) {
    public String header(String name) {
      return headers.get(name);
    }

    public String body() {
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /** Sends one request without body. */
  public RawClient request(String method, String target, String... headers) throws IOException {
    StringBuilder head = new StringBuilder(method + " " + target + " HTTP/1.1\r\nHost: test\r\n");
    for (String header : headers) {
      head.append(header).append("\r\n");
    }
    return send(head + "\r\n");
  }

  public RawClient send(String bytes) throws IOException {
    socket.getOutputStream().write(bytes.getBytes(ISO_8859_1));
    return this;
  }

  /** Reads one response with its body. */
  public Answer answer() throws IOException {
    Answer head = head();
    boolean isInterim = head.status() < 200;
    if (isInterim && head.header("Content-Length") == null) { // The JDK's server sends one.
      return head;
    }
    if (head.status() == 204 || head.status() == 304) {
      return head;
    }
    String length = head.header("Content-Length");
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    if ("chunked".equals(head.header("Transfer-Encoding"))) {
      for (int size = chunkSize(); size > 0; size = chunkSize()) {
        body.write(exactly(size));
        line();
      }
      line();
    } else if (length != null) {
      body.write(exactly(Integer.parseInt(length)));
    } else {
      in.transferTo(body);
    }
    return new Answer(head.status(), head.headers(), body.toByteArray());
  }

  /** Reads status line and headers only, as after HEAD. */
  public Answer head() throws IOException {
    String statusLine = line();
    if (!statusLine.startsWith("HTTP/1.1 ")) {
      throw new IOException("no status line: " + statusLine);
    }
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (String line = line(); !line.isEmpty(); line = line()) {
      String[] header = line.split(": ?", 2);
      headers.merge(header[0], header[1], (one, other) -> one + ", " + other);
    }
    return new Answer(Integer.parseInt(statusLine.substring(9, 12)), headers, new byte[0]);
  }

  /** Reads all that comes until the server closes the connection. */
  public String rest() throws IOException {
    return new String(in.readAllBytes(), ISO_8859_1);
  }

  /** Whether the server has closed the connection, after a wait if need be. */
  public boolean isClosed() throws IOException {
    try {
      return in.read() < 0;
    } catch (SocketException e) {
      return true; // Reset: closed while bytes of the client were in flight.
    }
  }

  /** Ends the connection without the usual goodbye, as a crash or a firewall would. */
  public void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  /** Shuts down output; responses can still be read. */
  public void endOfRequests() throws IOException {
    socket.shutdownOutput();
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private int chunkSize() throws IOException {
    return Integer.parseInt(line(), 16);
  }

  private byte[] exactly(int length) throws IOException {
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw new EOFException("body ended after " + bytes.length + " of " + length + " bytes");
    }
    return bytes;
  }

  private String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("connection closed by the server after: " + line);
      }
      if (next != '\r') {
        line.write(next);
      }
    }
    return line.toString(ISO_8859_1);
  }
}
