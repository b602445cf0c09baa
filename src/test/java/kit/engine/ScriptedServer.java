// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** A server whose connections are played by a script, byte by byte. */
final class ScriptedServer implements AutoCloseable {
  /** What happens on one connection. */
  @FunctionalInterface
  interface Script {
    /** The connection is closed afterwards. */
    void play(Peer peer) throws Exception;
  }

  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();
  private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  private final Script script;

  ScriptedServer(Script script) throws IOException {
    this.script = script;
    Threads.startDaemon(this::accept, "scripted-server");
  }

  /** Responds to each request without a body with these bytes, and keeps the connection. */
  static ScriptedServer answering(String response) throws IOException {
    return new ScriptedServer(
        peer -> {
          while (true) {
            peer.readHead();
            peer.write(response);
          }
        });
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort() + "/");
  }

  int accepted() {
    return accepted.get();
  }

  /** Returns the number of connections that are open. */
  int open() {
    return open.size();
  }

  /** What scripts have added; exceptions of scripts, too. */
  BlockingQueue<String> events() {
    return events;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket socket = listener.accept();
        open.add(socket);
        int number = accepted.incrementAndGet();
        Threads.startDaemon(() -> serve(new Peer(socket, number)), "scripted-connection");
      } catch (IOException e) {
        return; // Closed.
      }
    }
  }

  private void serve(Peer peer) {
    try (Socket socket = peer.socket) {
      script.play(peer);
    } catch (EOFException e) {
      events.add("ended");
    } catch (Exception e) {
      events.add(e.toString());
    } finally {
      open.remove(peer.socket);
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : open) {
      socket.close();
    }
  }

  /** One connection. */
  final class Peer {
    private final Socket socket;
    private final int number;

    Peer(Socket socket, int number) {
      this.socket = socket;
      this.number = number;
    }

    /** Returns the number of the connection, from 1 on. */
    int number() {
      return number;
    }

    Socket socket() {
      return socket;
    }

    InputStream in() throws IOException {
      return socket.getInputStream();
    }

    void event(String event) {
      events.add(event);
    }

    void write(String bytes) throws IOException {
      socket.getOutputStream().write(bytes.getBytes(ISO_8859_1));
    }

    /** Reads up to an empty line. */
    String readHead() throws IOException {
      ByteArrayOutputStream head = new ByteArrayOutputStream();
      while (!head.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
        head.write(next());
      }
      return head.toString(ISO_8859_1);
    }

    String read(int count) throws IOException {
      byte[] bytes = in().readNBytes(count);
      if (bytes.length < count) {
        throw new EOFException("ended");
      }
      return new String(bytes, ISO_8859_1);
    }

    /** Waits until the client has closed the connection. */
    void awaitEnd() throws IOException {
      in().skip(Long.MAX_VALUE);
      while (in().read() >= 0) {
        // Bytes that nothing waits for.
      }
      events.add("ended");
    }

    private int next() throws IOException {
      int next = in().read();
      if (next < 0) {
        throw new EOFException("ended");
      }
      return next;
    }
  }
}
