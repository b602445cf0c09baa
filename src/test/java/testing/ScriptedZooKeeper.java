// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/** A ZooKeeper server whose responses are scripted; it has no nodes. */
public final class ScriptedZooKeeper implements AutoCloseable {
  /** The type of a request to begin or continue a session. */
  public static final int CONNECT = 0;

  public static final int CREATE = 1;
  public static final int DELETE = 2;
  public static final int EXISTS = 3;
  public static final int GET = 4;
  public static final int CHILDREN = 8;
  public static final int PING = 11;
  public static final int AUTH = 100;
  public static final int SET_WATCHES = 101;
  public static final int CLOSE = -11;

  /** The id of the sessions that {@link Request#accept} grants. */
  public static final long SESSION = 0x1000L;

  /** Responds to requests, one at a time for each connection. */
  @FunctionalInterface
  public interface Script {
    /** An exception closes the connection. */
    void play(Request request) throws Exception;
  }

  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile Script script;

  /** Starts a server that plays {@code script} for each request, pings included. */
  public ScriptedZooKeeper(Script script) throws IOException {
    this.script = script;
    background(this::accept);
  }

  /** Replaces the script. */
  public void play(Script next) {
    script = next;
  }

  /** Returns the address, not resolved. */
  public InetSocketAddress address() {
    return InetSocketAddress.createUnresolved("127.0.0.1", listener.getLocalPort());
  }

  /** The requests that have arrived, pings included. */
  public BlockingQueue<Request> requests() {
    return requests;
  }

  /** The number of connections that are open at this end. */
  public int open() {
    return open.size();
  }

  /** Closes all connections. */
  public void disconnect() throws IOException {
    for (Socket connection : open) {
      connection.close();
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket connection = listener.accept();
        open.add(connection);
        background(() -> serve(connection));
      } catch (IOException e) {
        return; // Closed: the test is over.
      }
    }
  }

  private void serve(Socket connection) {
    try (connection) {
      DataInputStream in = new DataInputStream(connection.getInputStream());
      boolean isFirst = true;
      while (true) {
        byte[] content = new byte[in.readInt()];
        in.readFully(content);
        Request request = new Request(connection, ByteBuffer.wrap(content), isFirst);
        requests.add(request);
        script.play(request);
        isFirst = false;
      }
    } catch (Exception e) {
      // The client or the script has closed the connection.
    } finally {
      open.remove(connection);
    }
  }

  private static void background(Runnable task) {
    Thread thread = new Thread(task, "scripted-zookeeper");
    thread.setDaemon(true);
    thread.start();
  }

  /** Encodes values: numbers big-endian, buffers, strings and lists after their length. */
  public static byte[] encoded(Object... values) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    try {
      for (Object value : values) {
        if (value instanceof Integer number) {
          out.writeInt(number);
        } else if (value instanceof Long number) {
          out.writeLong(number);
        } else if (value instanceof Boolean flag) {
          out.writeBoolean(flag);
        } else if (value instanceof byte[] buffer) {
          out.writeInt(buffer.length);
          out.write(buffer);
        } else if (value instanceof String text) {
          out.write(encoded(text.getBytes(UTF_8)));
        } else {
          List<?> list = (List<?>) value;
          out.writeInt(list.size());
          out.write(encoded(list.toArray()));
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException(e); // Not in memory.
    }
    return bytes.toByteArray();
  }

  /** The state of a node as it follows the data, with the session that owns it; 0: none. */
  public static Object[] stat(long owner) {
    return new Object[] {1L, 1L, 0L, 0L, 0, 0, 0, owner, 0, 0, 1L};
  }

  /** A request and the connection to respond on. */
  public static final class Request {
    private final Socket connection;
    private final ByteBuffer content;
    private final boolean isFirst;

    private Request(Socket connection, ByteBuffer content, boolean isFirst) {
      this.connection = connection;
      this.content = content;
      this.isFirst = isFirst;
    }

    /** Returns its type, such as {@link #CREATE}. */
    public int type() {
      return isFirst ? CONNECT : content.getInt(4);
    }

    /** Returns its number. */
    public int xid() {
      return content.getInt(0);
    }

    /** Returns the whole request, without its length. */
    public byte[] content() {
      return content.array();
    }

    /** Returns the path; empty if it has none. */
    public String path() {
      boolean hasPath = !isFirst && type() != CLOSE && type() != PING;
      return hasPath ? new String(content.array(), 12, content.getInt(8), UTF_8) : "";
    }

    /** Of a request to begin or continue a session: the last transaction that the client has seen. */
    public long zxid() {
      return content.getLong(4);
    }

    /** Of a request to begin or continue a session: its id. */
    public long session() {
      return content.getLong(16);
    }

    /** Responds as a server with nothing in it. */
    public void accept() throws IOException {
      switch (type()) {
        case CONNECT -> grant(session() == 0 ? SESSION : session(), content.getInt(12));
        case PING, AUTH, SET_WATCHES -> respond();
        case CLOSE -> {
          respond();
          connection.close();
        }
        default -> fail(-101);
      }
    }

    /** Grants a session with the password 0 to 15; timeout 0: the session has expired. */
    public void grant(long session, int timeoutMillis) throws IOException {
      byte[] password = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      frame(encoded(0, timeoutMillis, session, password, false));
    }

    /** Responds without error, as transaction 1. */
    public void respond(Object... values) throws IOException {
      respondAt(1L, values);
    }

    /** Responds without error, as a transaction. */
    public void respondAt(long zxid, Object... values) throws IOException {
      frame(joined(encoded(xid(), zxid, 0), encoded(values)));
    }

    /** Responds with an error code. */
    public void fail(int code) throws IOException {
      frame(encoded(xid(), 1L, code));
    }

    /** Sends an event: 1 created, 2 deleted, 3 data changed, 4 children changed. */
    public void event(int type, String path) throws IOException {
      frame(encoded(-1, -1L, 0, type, 3, path));
    }

    /** Sends a frame. */
    public void frame(byte[] content) throws IOException {
      bytes(encoded(content));
    }

    /** Sends bytes without a length. */
    public void bytes(byte[] bytes) throws IOException {
      connection.getOutputStream().write(bytes);
    }

    /** Closes the connection. */
    public void close() throws IOException {
      connection.close();
    }

    /** Resets the connection. */
    public void reset() throws IOException {
      connection.setSoLinger(true, 0);
      connection.close();
    }

    private static byte[] joined(byte[] head, byte[] tail) {
      return ByteBuffer.allocate(head.length + tail.length).put(head).put(tail).array();
    }
  }
}
