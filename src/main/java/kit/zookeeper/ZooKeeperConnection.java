// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Connection of a {@link ZooKeeperClient} to one server: encodes requests, decodes responses and
 * events.
 *
 * <p>The socket does not block; waiting is left to a selector. So each wait has a deadline, and an
 * interruption ends the wait without closing the socket, as it would with a socket that blocks.
 *
 * <p>An {@link IOException} makes the connection unusable, unless it is an error code of the server
 * or the {@link SocketTimeoutException} of {@link #take}. Confined to one thread at a time.
 */
final class ZooKeeperConnection implements Closeable {
  // Types of requests.
  static final int CREATE = 1;
  static final int DELETE = 2;
  static final int EXISTS = 3;
  static final int GET = 4;
  static final int CHILDREN = 8;
  static final int PING = 11;
  static final int AUTH = 100;
  static final int SET_WATCHES = 101;
  static final int CLOSE = -11;

  private static final int EVENT_XID = -1;
  private static final int PING_XID = -2;
  private static final int AUTH_XID = -4;
  private static final int SET_WATCHES_XID = -8;

  private static final int MIN_FRAME_BYTES = 16; // Number, transaction, and error code.
  private static final int MAX_FRAME_BYTES = 4 << 20; // By default, nodes have at most 1 MiB.
  private static final int MAX_REQUEST_BYTES = 0xfffff; // By default, a server reads no more.
  private static final long HANDSHAKE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final LongSupplier nanoTime;
  private final Consumer<String> events;
  private final SocketChannel channel = SocketChannel.open();
  private final Selector selector;
  private ByteBuffer frame = ByteBuffer.allocate(Integer.BYTES); // The length, then the content.
  private int sent; // The number of the last request: xid.
  private int answered;
  private long sentAtNanos;
  private long zxid;

  /**
   * A session as the server granted it.
   *
   * @param id 0: none
   * @param timeoutNanos 0: expired
   */
  record Grant(long id, byte[] password, long timeoutNanos) {
    /** No session. */
    static final Grant NONE = new Grant(0, new byte[16], 0);
  }

  /** Parses the body of a response. */
  interface Parser<T> {
    T parse(DataInputStream body) throws IOException;
  }

  /** Creates a connection that passes the paths of events to {@code events}. */
  ZooKeeperConnection(LongSupplier nanoTime, Consumer<String> events) throws IOException {
    this.nanoTime = nanoTime;
    this.events = events;
    try {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.configureBlocking(false);
      selector = Selector.open();
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Connects to a server. */
  void connect(InetSocketAddress address, long deadlineNanos)
      throws IOException, InterruptedException {
    channel.connect(address);
    while (!channel.finishConnect()) {
      awaitReady(SelectionKey.OP_CONNECT, deadlineNanos);
    }
  }

  /**
   * Begins or continues a session, and returns it.
   *
   * @param seenZxid the last transaction that the client has seen
   * @throws EOFException if the server closed the connection: if that is ahead of its own
   */
  Grant begin(Grant known, long seenZxid, int timeoutMillis, long deadlineNanos)
      throws IOException, InterruptedException {
    zxid = seenZxid;
    send(deadlineNanos, 0, zxid, timeoutMillis, known.id, known.password, false);
    DataInputStream response = firstFrame(deadlineNanos);
    response.readInt(); // The version of the protocol.
    long grantedNanos = TimeUnit.MILLISECONDS.toNanos(Math.max(0, response.readInt()));
    Grant grant = new Grant(response.readLong(), bytes(response), grantedNanos);
    boolean isExpired = grant.timeoutNanos == 0;
    boolean isSame = grant.id == known.id || known.id == 0;
    check(isExpired || grant.id != 0 && isSame, "session " + grant.id);
    return grant;
  }

  private DataInputStream firstFrame(long deadlineNanos) throws IOException, InterruptedException {
    try {
      return receive(deadlineNanos);
    } catch (InterruptedException e) {
      // The server may have begun a session: it can be closed only if its id is known.
      try {
        DataInputStream response = receive(nanoTime.getAsLong() + HANDSHAKE_NANOS);
        Thread.currentThread().interrupt();
        return response;
      } catch (IOException none) {
        throw e;
      }
    }
  }

  /**
   * Sends a request and parses the body of its response.
   *
   * @param what the subject of error messages
   * @param request its type and its content, see {@link #write}
   */
  <T> T call(String what, long limitNanos, Parser<T> parser, Object... request)
      throws IOException, InterruptedException {
    long deadlineNanos = nanoTime.getAsLong() + limitNanos;
    int xid =
        switch ((int) request[0]) {
          case PING -> PING_XID;
          case AUTH -> AUTH_XID;
          case SET_WATCHES -> SET_WATCHES_XID;
          default -> ++sent;
        };
    send(deadlineNanos, xid, request);
    do { // Events can arrive without end.
      DataInputStream response = receive(deadlineNanos);
      if (isResponse(xid, response)) {
        int error = response.readInt();
        if (error != 0) {
          throw new ZooKeeperClient.ZooKeeperException(what, error);
        }
        return parser.parse(response);
      }
    } while (deadlineNanos - nanoTime.getAsLong() > 0);
    throw late();
  }

  /**
   * Takes one event.
   *
   * @throws SocketTimeoutException if none arrives
   */
  void take(long deadlineNanos) throws IOException, InterruptedException {
    isResponse(0, receive(deadlineNanos));
  }

  /** Returns when the last request was sent. */
  long sentAtNanos() {
    return sentAtNanos;
  }

  /** Returns the last transaction that the server has reported. */
  long zxid() {
    return zxid;
  }

  private boolean isResponse(int xid, DataInputStream frame) throws IOException {
    int actual = frame.readInt();
    zxid = Math.max(zxid, frame.readLong());
    if (actual == EVENT_XID) {
      frame.skipNBytes(3 * Integer.BYTES); // Error code, type, and state of the session.
      events.accept(string(frame));
    } else if (actual > 0) { // In order; earlier ones belong to calls that were interrupted.
      check(actual > answered && actual <= sent, "xid " + actual);
      answered = actual;
    } else {
      check(actual == xid || actual == PING_XID, "xid " + actual);
    }
    return actual == xid;
  }

  private void send(long deadlineNanos, int first, Object... others)
      throws IOException, InterruptedException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeInt(first);
    for (Object value : others) {
      write(out, value);
    }
    if (bytes.size() > MAX_REQUEST_BYTES) {
      throw new IllegalArgumentException("request > 1 MiB: " + bytes.size() + " bytes");
    }
    ByteBuffer request = ByteBuffer.allocate(Integer.BYTES + bytes.size());
    request.putInt(bytes.size()).put(bytes.toByteArray()).flip();
    sentAtNanos = nanoTime.getAsLong();
    try {
      while (request.hasRemaining()) {
        if (channel.write(request) == 0) {
          awaitReady(SelectionKey.OP_WRITE, deadlineNanos);
        }
      }
    } catch (InterruptedException e) {
      close(); // Half a request cannot be taken back.
      throw e;
    }
  }

  /** Writes a value in ZooKeeper's encoding "jute": big-endian, lengths before contents. */
  private static void write(DataOutputStream out, Object value) throws IOException {
    if (value instanceof Integer number) {
      out.writeInt(number);
    } else if (value instanceof Long number) {
      out.writeLong(number);
    } else if (value instanceof Boolean flag) {
      out.writeBoolean(flag);
    } else if (value instanceof byte[] bytes) {
      out.writeInt(bytes.length);
      out.write(bytes);
    } else if (value instanceof String text) {
      write(out, text.getBytes(UTF_8));
    } else {
      List<?> list = (List<?>) value;
      out.writeInt(list.size());
      for (Object item : list) {
        write(out, item);
      }
    }
  }

  /** Returns the next frame; at the deadline, what has arrived of it is kept. */
  private DataInputStream receive(long deadlineNanos) throws IOException, InterruptedException {
    while (true) {
      int read = channel.read(frame);
      if (read < 0) {
        throw new EOFException("connection closed by the server");
      }
      if (frame.hasRemaining()) {
        if (read == 0) {
          awaitReady(SelectionKey.OP_READ, deadlineNanos);
        }
      } else if (frame.capacity() == Integer.BYTES) {
        int length = frame.getInt(0);
        boolean isValid = length >= MIN_FRAME_BYTES && length <= MAX_FRAME_BYTES;
        check(isValid, "frame of " + length + " bytes");
        frame = ByteBuffer.allocate(length);
      } else {
        byte[] content = frame.array();
        frame = ByteBuffer.allocate(Integer.BYTES);
        return new DataInputStream(new ByteArrayInputStream(content));
      }
    }
  }

  private void awaitReady(int operation, long deadlineNanos)
      throws IOException, InterruptedException {
    long leftNanos = deadlineNanos - nanoTime.getAsLong();
    channel.register(selector, operation);
    if (leftNanos > 0) {
      selector.select(ready -> {}, TimeUnit.NANOSECONDS.toMillis(leftNanos) + 1);
    }
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    if (leftNanos <= 0) {
      throw late();
    }
  }

  static List<String> strings(DataInputStream in) throws IOException {
    int count = length(in, Integer.BYTES);
    List<String> strings = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      strings.add(string(in));
    }
    return List.copyOf(strings);
  }

  static String string(DataInputStream in) throws IOException {
    return new String(bytes(in), UTF_8);
  }

  private static byte[] bytes(DataInputStream in) throws IOException {
    return in.readNBytes(length(in, 1));
  }

  /** Reads the number of items that follow; -1 is an absent value, taken as empty. */
  private static int length(DataInputStream in, int itemBytes) throws IOException {
    int length = in.readInt();
    check(length >= -1 && length <= in.available() / itemBytes, "length " + length);
    return Math.max(0, length);
  }

  private static void check(boolean isValid, String problem) throws IOException {
    if (!isValid) {
      throw new IOException("malformed response: " + problem);
    }
  }

  private static SocketTimeoutException late() {
    return new SocketTimeoutException("no response in time");
  }

  @Override
  public void close() {
    try (selector;
        channel) {
      // Both are closed here.
    } catch (IOException e) {
      // It is unusable all the same.
    }
  }
}
