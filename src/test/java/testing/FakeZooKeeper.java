// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * An in-memory ZooKeeper with faults: nodes, sessions and watches, as far as discovery uses them. Sessions
 * do not expire by themselves; each user may do everything that {@link #deny} does not forbid.
 *
 * <p>Thread-safe.
 */
public final class FakeZooKeeper implements AutoCloseable {
  /** Types of requests. */
  public static final int CREATE = 1;

  public static final int DELETE = 2;
  public static final int EXISTS = 3;
  public static final int GET = 4;
  public static final int PING = 11;
  public static final int CHILDREN = 8;
  public static final int AUTH = 100;
  public static final int SET_WATCHES = 101;
  public static final int CLOSE = -11;

  private static final int NO_NODE = -101;
  private static final int NO_AUTH = -102;
  private static final int NODE_EXISTS = -110;
  private static final int CREATED = 1;
  private static final int DELETED = 2;
  private static final int CHANGED = 3;
  private static final int CHILDREN_CHANGED = 4;

  private record Node(byte[] data, long owner, long zxid) {}

  /** A request: its type, and its path, scheme or the empty string. */
  public record Request(int type, String path) {}

  private final ServerSocket listener;

  // Guarded by this.
  private final Map<String, Node> nodes = new TreeMap<>(Map.of("/", new Node(new byte[0], 0, 0)));
  private final Set<Long> sessions = new HashSet<>();
  private final Set<Connection> connections = new HashSet<>();
  private final Set<String> denied = new HashSet<>();
  private final List<Request> requests = new ArrayList<>();
  private long zxid = 1;
  private long lastSession;
  private int sequence;
  private int lost; // The type of the requests whose next response is lost; 0: none.
  private boolean isSilent;
  private boolean isRefusing;

  /** Starts to listen on a free port. */
  public FakeZooKeeper() throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  private static void start(Runnable task) {
    Thread thread = new Thread(task, "fake-zookeeper");
    thread.setDaemon(true);
    thread.start();
  }

  /** The address, not resolved. */
  public InetSocketAddress address() {
    return InetSocketAddress.createUnresolved("127.0.0.1", listener.getLocalPort());
  }

  /** Creates a persistent node, or changes its data; missing parents are created. */
  public synchronized void put(String path, String data) {
    if (!path.equals("/") && !nodes.containsKey(parent(path))) {
      put(parent(path), "");
    }
    store(path, data.getBytes(UTF_8), 0);
  }

  /** Deletes a node. */
  public synchronized void delete(String path) {
    remove(path);
  }

  /** Returns the paths of all nodes below a path. */
  public synchronized List<String> below(String path) {
    return nodes.keySet().stream().filter(node -> node.startsWith(path + "/")).toList();
  }

  /** Returns the data of a node. */
  public synchronized String data(String path) {
    return new String(nodes.get(path).data(), UTF_8);
  }

  /** All requests so far. */
  public synchronized List<Request> requests() {
    return List.copyOf(requests);
  }

  /** The number of requests of a type so far. */
  public int count(int type) {
    return (int) requests().stream().filter(request -> request.type() == type).count();
  }

  /** The number of sessions that have neither ended nor expired. */
  public synchronized int sessions() {
    return sessions.size();
  }

  /** Rejects the reading of a node from now on. */
  public synchronized void deny(String path) {
    denied.add(path);
  }

  /**
   * Carries out the next request of a type, but closes the connection in place of a response, and
   * {@link #refuse}s new ones.
   */
  public synchronized void loseResponseTo(int type) {
    lost = type;
  }

  /** Keeps silent from now on, or no longer. */
  public synchronized void silence(boolean isSilent) {
    this.isSilent = isSilent;
  }

  /** Closes all connections, and new ones at once, until it is called with false. */
  public synchronized void refuse(boolean isRefusing) {
    this.isRefusing = isRefusing;
    if (isRefusing) {
      dropConnections();
    }
  }

  /** Closes all connections; the sessions stay. */
  public synchronized void dropConnections() {
    connections.forEach(Connection::close);
    connections.clear();
  }

  /** Ends all sessions as if they had expired. */
  public synchronized void expireSessions() {
    dropConnections();
    List.copyOf(sessions).forEach(this::end);
  }

  /** Loses all sessions, but not their nodes, as if those were to expire later. */
  public synchronized void forgetSessions() {
    dropConnections();
    sessions.clear();
  }

  /** Loses all data and all sessions, and begins to count again. */
  public synchronized void wipe() {
    dropConnections();
    sessions.clear();
    nodes.keySet().removeIf(path -> !path.equals("/"));
    zxid = 1;
  }

  private void end(long session) {
    sessions.remove(session);
    nodes.entrySet().stream()
        .filter(entry -> entry.getValue().owner() == session)
        .map(Map.Entry::getKey)
        .toList()
        .forEach(this::remove);
  }

  private static String parent(String path) {
    return path.substring(0, Math.max(1, path.lastIndexOf('/')));
  }

  private void store(String path, byte[] data, long owner) {
    boolean isNew = nodes.put(path, new Node(data, owner, ++zxid)) == null;
    if (isNew) {
      notify(path, CREATED);
      notify(parent(path), CHILDREN_CHANGED);
    } else {
      notify(path, CHANGED);
    }
  }

  private void remove(String path) {
    if (nodes.remove(path) != null) {
      zxid++;
      notify(path, DELETED);
      notify(parent(path), CHILDREN_CHANGED);
    }
  }

  private void notify(String path, int event) {
    List.copyOf(connections).forEach(connection -> connection.notify(path, event));
  }

  private List<String> children(String path) {
    String prefix = path.equals("/") ? "/" : path + "/";
    return nodes.keySet().stream()
        .filter(node -> node.length() > prefix.length() && node.startsWith(prefix))
        .map(node -> node.substring(prefix.length()))
        .filter(name -> name.indexOf('/') < 0)
        .toList();
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = listener.accept();
        Connection connection = new Connection(socket);
        synchronized (this) {
          if (isRefusing) {
            socket.close();
            continue;
          }
          connections.add(connection);
        }
        start(connection::serve);
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  /** Guarded by the server. */
  private final class Connection {
    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final Set<String> dataWatches = new HashSet<>(); // Also of nodes that do not exist.
    private final Set<String> childWatches = new HashSet<>();
    private long session;

    Connection(Socket socket) throws IOException {
      this.socket = socket;
      this.in = new DataInputStream(socket.getInputStream());
      this.out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    }

    void close() {
      try {
        socket.close();
      } catch (IOException e) {
        // Closed all the same.
      }
    }

    void serve() {
      try {
        in.readInt();
        if (connect()) {
          while (true) {
            in.readInt();
            respond(in.readInt(), in.readInt());
          }
        }
      } catch (IOException e) {
        // The client has closed the connection, or the test has.
      } finally {
        close();
        synchronized (FakeZooKeeper.this) {
          connections.remove(this);
        }
      }
    }

    private boolean connect() throws IOException {
      in.readInt(); // The version.
      long seen = in.readLong();
      int timeout = in.readInt();
      long wanted = in.readLong();
      in.skipNBytes(in.readInt());
      in.skipNBytes(1); // Read only.
      synchronized (FakeZooKeeper.this) {
        if (seen > zxid || isSilent) {
          return isSilent;
        }
        session = wanted == 0 ? ++lastSession : sessions.contains(wanted) ? wanted : 0;
        if (session != 0) {
          sessions.add(session);
        }
        frame(
            body -> {
              body.writeInt(0);
              body.writeInt(session == 0 ? 0 : timeout);
              body.writeLong(session);
              body.writeInt(16);
              body.write(new byte[16]);
              body.writeBoolean(false);
            });
        return session != 0;
      }
    }

    private void respond(int xid, int type) throws IOException {
      byte[] path = new byte[0];
      byte[] data = new byte[0];
      int flags = 0;
      List<String> watched = new ArrayList<>();
      long relative = 0;
      if (type == AUTH) {
        in.readInt();
        path = bytes();
        data = bytes();
      } else if (type == SET_WATCHES) {
        relative = in.readLong();
        for (int kind = 0; kind < 3; kind++) {
          for (int left = in.readInt(); left > 0; left--) {
            watched.add(kind + new String(bytes(), UTF_8));
          }
        }
      } else if (type != PING && type != CLOSE) {
        path = bytes();
        if (type == CREATE) {
          data = bytes();
          for (int acls = in.readInt(); acls > 0; acls--) {
            in.readInt();
            bytes();
            bytes();
          }
          flags = in.readInt();
        } else if (type == DELETE) {
          in.readInt();
        } else {
          flags = in.readByte(); // Whether to watch.
        }
      }
      synchronized (FakeZooKeeper.this) {
        String name = new String(path, UTF_8);
        requests.add(new Request(type, type == AUTH ? name + " " + new String(data, UTF_8) : name));
        Result result =
            switch (type) {
              case CREATE -> create(name, data, flags);
              case DELETE -> nodes.containsKey(name) ? delete(name) : Result.error(NO_NODE);
              case GET, EXISTS, CHILDREN -> read(type, name, flags != 0);
              case SET_WATCHES -> setWatches(relative, watched);
              case CLOSE -> {
                end(session);
                yield Result.NOTHING;
              }
              default -> Result.NOTHING;
            };
        if (lost == type) {
          lost = 0;
          isRefusing = true;
          throw new IOException("lost");
        }
        if (!isSilent) {
          frame(
              body -> {
                body.writeInt(xid);
                body.writeLong(zxid);
                body.writeInt(result.code());
                if (result.code() == 0) {
                  result.body().write(body);
                }
              });
        }
      }
    }

    private Result create(String path, byte[] data, int flags) {
      if (!nodes.containsKey(parent(path))) {
        return Result.error(NO_NODE);
      }
      String created = (flags & 2) == 0 ? path : path + String.format("%010d", sequence++);
      if (nodes.containsKey(created)) {
        return Result.error(NODE_EXISTS);
      }
      store(created, data, (flags & 1) == 0 ? 0 : session);
      return new Result(0, body -> string(body, created));
    }

    private Result delete(String path) {
      remove(path);
      return Result.NOTHING;
    }

    private Result read(int type, String path, boolean watch) {
      if (denied.contains(path)) {
        return Result.error(NO_AUTH);
      }
      Node node = nodes.get(path);
      if (watch && (node != null || type == EXISTS)) {
        (type == CHILDREN ? childWatches : dataWatches).add(path);
      }
      if (node == null) {
        return Result.error(NO_NODE);
      }
      return new Result(
          0,
          body -> {
            if (type == GET) {
              body.writeInt(node.data().length);
              body.write(node.data());
            } else if (type == CHILDREN) {
              List<String> children = children(path);
              body.writeInt(children.size());
              for (String child : children) {
                string(body, child);
              }
            }
            if (type != CHILDREN) {
              stat(body, node);
            }
          });
    }

    // Events for what has changed come before the response.
    private Result setWatches(long relative, List<String> watched) {
      for (String entry : watched) {
        String path = entry.substring(1);
        Node node = nodes.get(path);
        boolean isChild = entry.charAt(0) == '2';
        (isChild ? childWatches : dataWatches).add(path);
        if (entry.charAt(0) == '1') {
          if (node != null) {
            notify(path, CREATED);
          }
        } else if (node == null) {
          notify(path, DELETED);
        } else if (isChild) {
          notify(path, CHILDREN_CHANGED); // More often than a real one, which compares.
        } else if (node.zxid() > relative) {
          notify(path, CHANGED);
        }
      }
      return Result.NOTHING;
    }

    private void notify(String path, int event) {
      boolean isWatched = event != CHILDREN_CHANGED && dataWatches.remove(path);
      if (event == CHILDREN_CHANGED || event == DELETED) {
        isWatched |= childWatches.remove(path);
      }
      if (isWatched) {
        try {
          frame(
              body -> {
                body.writeInt(-1);
                body.writeLong(zxid);
                body.writeInt(0);
                body.writeInt(event);
                body.writeInt(3);
                string(body, path);
              });
        } catch (IOException e) {
          close();
        }
      }
    }

    private byte[] bytes() throws IOException {
      byte[] bytes = new byte[Math.max(0, in.readInt())];
      in.readFully(bytes);
      return bytes;
    }

    private void frame(Body content) throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      content.write(new DataOutputStream(bytes));
      out.writeInt(bytes.size());
      bytes.writeTo(out);
      out.flush();
    }
  }

  private interface Body {
    void write(DataOutputStream body) throws IOException;
  }

  private record Result(int code, Body body) {
    static final Result NOTHING = new Result(0, body -> {});

    static Result error(int code) {
      return new Result(code, body -> {});
    }
  }

  private static void string(DataOutputStream body, String text) throws IOException {
    byte[] bytes = text.getBytes(UTF_8);
    body.writeInt(bytes.length);
    body.write(bytes);
  }

  private static void stat(DataOutputStream body, Node node) throws IOException {
    for (int longs = 0; longs < 4; longs++) {
      body.writeLong(node.zxid());
    }
    body.write(new byte[12]);
    body.writeLong(node.owner());
    body.writeInt(node.data().length);
    body.writeInt(0);
    body.writeLong(node.zxid());
  }

  @Override
  public void close() throws IOException {
    listener.close();
    dropConnections();
  }
}
