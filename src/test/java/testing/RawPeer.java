// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** A peer that sends malformed responses byte by byte: one request a connection. */
public final class RawPeer implements AutoCloseable {
  /** What to do with a connection whose request head has been read. */
  @FunctionalInterface
  public interface Script {
    /** The connection is closed afterwards. */
    void play(RawPeer peer, Socket connection) throws Exception;
  }

  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final BlockingQueue<String> heads = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> ends = new LinkedBlockingQueue<>();
  private final AtomicInteger open = new AtomicInteger();
  private final Script script;

  public RawPeer(Script script) throws IOException {
    this.script = script;
    background(this::accept);
  }

  /** Responds to each request with {@code bytes} and closes the connection. */
  public static RawPeer answering(String bytes) throws IOException {
    return new RawPeer(
        (peer, connection) -> connection.getOutputStream().write(bytes.getBytes(ISO_8859_1)));
  }

  /** Responds to each request with {@code bytes}, then waits; {@link #ends} has what for. */
  public static RawPeer stallingAfter(String bytes) throws IOException {
    return new RawPeer(
        (peer, connection) -> {
          connection.getOutputStream().write(bytes.getBytes(ISO_8859_1));
          peer.ends.add(endOf(connection));
        });
  }

  public URI uri() {
    return URI.create("http://" + address());
  }

  public String address() {
    return "127.0.0.1:" + listener.getLocalPort();
  }

  /** Request lines and headers, one string a request. */
  public BlockingQueue<String> heads() {
    return heads;
  }

  /** How stalled connections have ended: {@code closed} by the client, or {@code more} bytes. */
  public BlockingQueue<String> ends() {
    return ends;
  }

  /** The number of connections that are open at this end. */
  public int open() {
    return open.get();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket connection = listener.accept();
        background(() -> serve(connection));
      } catch (IOException e) {
        return; // Closed: the test is over.
      }
    }
  }

  private void serve(Socket connection) {
    open.incrementAndGet();
    try (connection) {
      heads.add(head(connection.getInputStream()));
      script.play(this, connection);
    } catch (Exception e) {
      ends.add(e.toString()); // For tests that read it; other tests see that there is no response.
    } finally {
      open.decrementAndGet();
    }
  }

  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("no request");
      }
      head.write(next);
    }
    return head.toString(ISO_8859_1);
  }

  private static String endOf(Socket connection) {
    try {
      return connection.getInputStream().read() < 0 ? "closed" : "more";
    } catch (IOException e) {
      return "closed"; // Reset.
    }
  }

  private static void background(Runnable task) {
    Thread thread = new Thread(task, "raw-peer");
    thread.setDaemon(true);
    thread.start();
  }
}
