// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Client of ZooKeeper: one session that creates, deletes, reads and watches nodes.
 *
 * <pre>{@code
 * Settings settings = Settings.of(InetSocketAddress.createUnresolved("127.0.0.1", 2181));
 * try (ZooKeeperClient zooKeeper = new ZooKeeperClient(settings)) {
 *   zooKeeper.createParents("/services/web");
 *   zooKeeper.create("/services/web/i-", "10.0.0.5:8081", Mode.EPHEMERAL_SEQUENTIAL);
 *   zooKeeper.children("/services/web", true).ifPresent(System.out::println);
 *   zooKeeper.await(Duration.ofMinutes(1)); // keeps the session alive, returns /services/web
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>There is no thread: a method sends its request, and reads until the response. What arrives in
 * between, such as the event of a watch, is kept for {@link #await}. The session lives as long as
 * requests are sent: {@code await} and {@link #ping} send some that do nothing else.
 *
 * <p><b>Reattaching</b>, with the request after the loss of a connection, keeps ephemeral nodes. Watches
 * end with a connection, so they are set again with the last transaction that this client has seen,
 * and the server reports what was missed. When the session has expired, a new one begins, and {@code
 * await} returns all paths that were watched.
 *
 * <p>Servers are shuffled once; after a failure the next one is tried, with all addresses of its
 * name. A server that is behind this client closes the connection without a response. If that
 * happens three times in a row, because data was lost or restored, the client no longer insists.
 *
 * <h2>Errors</h2>
 *
 * <p>An error code is a {@link ZooKeeperException}. Any other {@link IOException} is a connection
 * that was refused, lost, late or malformed; the server may have executed the request, and the
 * client never repeats it. The next call connects again. An invalid path is an {@link
 * IllegalArgumentException}. No message has the password.
 *
 * <p>A server has two thirds of the session timeout to respond. To connect, each address has the
 * session timeout divided by the number of servers. Responses above 4 MiB are rejected.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe, but made for one thread: a call holds the lock until its response, {@code await}
 * until its limit. An interruption ends a call with an {@link InterruptedException} and keeps the
 * connection, so that {@link #close} can end the session. Resolving a name is not interruptible.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, {@code ZooKeeperSession}, {@code ZooKeeperConnection} and the JDK (17 or newer) are
 * all it needs.
 *
 * @see <a href="https://zookeeper.apache.org/doc/current/zookeeperProgrammers.html">ZooKeeper
 *     programmer's guide</a>
 */
public final class ZooKeeperClient implements AutoCloseable {
  private static final int ALL_PERMISSIONS = 31;
  private static final int ANY_VERSION = -1;
  private static final int STAT_OWNER = 44; // Bytes before the owner of an ephemeral node.

  // The server rejects characters of two chars in UTF-16, too. Possessive, which needs no stack.
  private static final Pattern PATH =
      Pattern.compile(
          "/|(?:/(?!\\.{1,2}(?:/|$))"
              + "[^/\\p{Cc}\\ud800-\\uf8ff\\ufff0-\\uffff\\x{10000}-\\x{10ffff}]++)++");

  private final Settings settings;
  private final ZooKeeperSession session;

  /** Creates a client that connects with its first request. */
  public ZooKeeperClient(Settings settings) {
    this(settings, ThreadLocalRandom.current(), System::nanoTime);
  }

  /** As above; {@code random} shuffles the servers. */
  ZooKeeperClient(Settings settings, Random random, LongSupplier nanoTime) {
    this.settings = settings;
    this.session = new ZooKeeperSession(settings, random, nanoTime);
  }

  /**
   * Settings of a client.
   *
   * @param servers unresolved addresses; a name may have several addresses; usual port: 2181
   * @param chroot the path that all paths are below, such as {@code /a/b}; empty: none
   * @param sessionTimeout how long the server keeps a session without requests, 100 ms to 1 day; the
   *     server bounds it to between 2 and 20 of its ticks, of usually 2 s
   * @param user the user for digest authentication; empty: none
   */
  public record Settings(
      List<InetSocketAddress> servers,
      String chroot,
      Duration sessionTimeout,
      Optional<User> user) {
    /** Checks the ranges and copies the list. */
    public Settings {
      servers = List.copyOf(servers);
      require(!servers.isEmpty(), "no servers");
      require(
          chroot.isEmpty() || isPath(chroot) && !chroot.equals("/"),
          "chroot is not /a/b: " + shown(chroot));
      boolean isTimeout = sessionTimeout.toDays() < 1 && sessionTimeout.toMillis() >= 100;
      require(isTimeout, "sessionTimeout not in 100 ms..1 day: " + sessionTimeout);
    }

    /** Returns settings without a chroot and a user, with a session timeout of 10 s. */
    public static Settings of(InetSocketAddress... servers) {
      return new Settings(List.of(servers), "", Duration.ofSeconds(10), Optional.empty());
    }

    /** Returns these settings with a chroot. */
    public Settings withChroot(String chroot) {
      return new Settings(servers, chroot, sessionTimeout, user);
    }

    /** Returns these settings with a session timeout. */
    public Settings withSessionTimeout(Duration sessionTimeout) {
      return new Settings(servers, chroot, sessionTimeout, user);
    }

    /** Returns these settings with a user. */
    public Settings withUser(User user) {
      return new Settings(servers, chroot, sessionTimeout, Optional.of(user));
    }
  }

  /**
   * A user for digest authentication.
   *
   * @param name without a colon and control characters
   */
  public record User(String name, String password) {
    /** Checks the name. */
    public User {
      require(name.matches("[^:\\p{Cc}]+"), "name of a user is empty, or has a colon");
    }

    /** Returns the name only. */
    @Override
    public String toString() {
      return name;
    }
  }

  /** The kinds of nodes, in the order of their codes. */
  public enum Mode {
    /** Exists until it is deleted. */
    PERSISTENT,

    /** Is deleted at the end of the session. */
    EPHEMERAL,

    /** As {@link #PERSISTENT}; the server appends a number of ten digits to the path. */
    PERSISTENT_SEQUENTIAL,

    /** As {@link #EPHEMERAL}; the server appends a number of ten digits to the path. */
    EPHEMERAL_SEQUENTIAL
  }

  /**
   * A node.
   *
   * @param ephemeralOwner the id of the session that it ends with; 0: persistent
   */
  public record Node(String data, long ephemeralOwner) {}

  /** ZooKeeper responded with an error. */
  public static final class ZooKeeperException extends IOException {
    /** The node, or the parent of a node to create, does not exist. */
    public static final int NO_NODE = -101;

    /** The user, or a client without one, has no permission for this. */
    public static final int NO_AUTH = -102;

    /** The node to create exists. */
    public static final int NODE_EXISTS = -110;

    /** The session has expired; the next call begins a new one. */
    static final int EXPIRED = -112;

    private static final Map<Integer, String> MEANINGS =
        Map.of(
            NO_NODE,
            "no such node",
            NO_AUTH,
            "no permission",
            -108,
            "ephemeral nodes have no children",
            NODE_EXISTS,
            "node exists",
            -111,
            "node has children",
            EXPIRED,
            "session expired",
            -114,
            "invalid ACL",
            -115,
            "authentication failed",
            -118,
            "session moved to another connection");

    private final int code;

    ZooKeeperException(String what, int code) {
      super(what + ": " + MEANINGS.getOrDefault(code, "error") + " (" + code + ")");
      this.code = code;
    }

    /** Returns the code of ZooKeeper, which is negative. */
    public int code() {
      return code;
    }
  }

  /**
   * Creates a node. Its parent must exist.
   *
   * <p>With a user, that user alone has permissions for the node; otherwise every client has.
   *
   * @return its path, which differs from {@code path} if the server appended a number
   * @throws IOException with another exception than {@link ZooKeeperException}, the node may exist
   */
  public synchronized String create(String path, String data, Mode mode)
      throws IOException, InterruptedException {
    return relative(create(full(path), data.getBytes(UTF_8), mode));
  }

  private String create(String full, byte[] data, Mode mode)
      throws IOException, InterruptedException {
    boolean isOpen = settings.user.isEmpty();
    return session.call(
        full,
        body -> created(full, ZooKeeperConnection.string(body)),
        ZooKeeperConnection.CREATE,
        full,
        data,
        1, // Number of entries of the ACL.
        ALL_PERMISSIONS,
        isOpen ? "world" : "auth",
        isOpen ? "anyone" : "",
        mode.ordinal());
  }

  private static String created(String full, String path) throws IOException {
    if (!path.startsWith(full)) {
      throw new IOException("malformed response: created " + shown(path));
    }
    return path;
  }

  /** Creates a persistent node without data, its parents and the chroot, as far as they are missing. */
  public synchronized void createParents(String path) throws IOException, InterruptedException {
    String full = full(path);
    int end = mayExist(full) ? full.length() : 0;
    while (end < full.length()) {
      end = full.indexOf('/', end + 1);
      end = end < 0 ? full.length() : end;
      String node = full.substring(0, end);
      try {
        create(node, new byte[0], Mode.PERSISTENT);
      } catch (ZooKeeperException e) {
        // Without permission to create nodes, the error is the same for one that exists.
        if (e.code != ZooKeeperException.NODE_EXISTS && !mayExist(node)) {
          throw e;
        }
      }
    }
  }

  /** Deletes a node without children; returns false if it does not exist. */
  public synchronized boolean delete(String path) throws IOException, InterruptedException {
    String full = full(path);
    try {
      return session.call(full, body -> true, ZooKeeperConnection.DELETE, full, ANY_VERSION);
    } catch (ZooKeeperException e) {
      if (e.code != ZooKeeperException.NO_NODE) {
        throw e;
      }
      return false;
    }
  }

  /**
   * Returns a node, if it exists.
   *
   * @param watch whether {@link #await} is to return its path after its next change; a node that does
   *     not exist is not watched
   */
  public synchronized Optional<Node> get(String path, boolean watch)
      throws IOException, InterruptedException {
    return session.read(ZooKeeperConnection.GET, full(path), watch, ZooKeeperClient::node);
  }

  private static Node node(DataInputStream body) throws IOException {
    String data = ZooKeeperConnection.string(body);
    body.skipNBytes(STAT_OWNER);
    return new Node(data, body.readLong());
  }

  /**
   * Returns the names of the children of a node, in any order, if the node exists.
   *
   * @param watch whether {@link #await} is to return its path after the next child was added or
   *     deleted, or the node itself was
   */
  public synchronized Optional<List<String>> children(String path, boolean watch)
      throws IOException, InterruptedException {
    String full = full(path);
    Optional<List<String>> names =
        session.read(ZooKeeperConnection.CHILDREN, full, watch, ZooKeeperConnection::strings);
    if (watch && names.isEmpty()) {
      session.watchCreation(full);
    }
    return names;
  }

  // Some servers hide a node from a client without permission: then true.
  private boolean mayExist(String full) throws IOException, InterruptedException {
    try {
      return session.read(ZooKeeperConnection.EXISTS, full, false, body -> true).isPresent();
    } catch (ZooKeeperException e) {
      if (e.code != ZooKeeperException.NO_AUTH) {
        throw e;
      }
      return true;
    }
  }

  /**
   * Waits until a watched path has changed, and keeps the session alive.
   *
   * <p>Each path is returned once: to go on, read it again with a watch. It may be returned without
   * a change, and is when the session has expired, because its watches are then lost.
   *
   * @return the paths that may have changed; empty when the limit has passed
   * @throws IOException if the connection was lost and no server accepts a new one; watches are kept
   */
  public synchronized Set<String> await(Duration limit) throws IOException, InterruptedException {
    return session.await(limit).stream().map(this::relative).collect(Collectors.toSet());
  }

  /**
   * Keeps the session alive: call this, {@link #await} or another method at least every third of the
   * session timeout. As all methods it connects if necessary, which may begin a new session, see
   * {@link #sessionId}.
   *
   * @throws IOException if the connection was lost
   */
  public synchronized void ping() throws IOException, InterruptedException {
    session.call("ping", body -> true, ZooKeeperConnection.PING);
  }

  /** Returns the session timeout that the server has granted; before, the one of the settings. */
  public Duration sessionTimeout() {
    return session.timeout();
  }

  /**
   * Returns the id of the session; 0 before the first, and after it has expired. If the id changes,
   * the ephemeral nodes of the earlier session are gone, or will be within its timeout.
   */
  public long sessionId() {
    return session.id();
  }

  /**
   * Ends the session, which deletes its ephemeral nodes, and waits up to a second for the server's
   * confirmation. Without a connection, the session is left to expire.
   */
  @Override
  public synchronized void close() {
    session.close();
  }

  private String full(String path) {
    require(isPath(path), "path is not /a/b: " + shown(path));
    String full = settings.chroot + (path.equals("/") ? "" : path);
    return full.isEmpty() ? "/" : full;
  }

  private String relative(String full) {
    String path = full.substring(settings.chroot.length());
    return path.isEmpty() ? "/" : path;
  }

  static boolean isPath(String path) {
    return PATH.matcher(path).matches();
  }

  private static String shown(String text) {
    String safe = text.replaceAll("[\\p{Cc}\\p{Cs}\\u2028\\u2029]", "?");
    return safe.substring(0, Math.min(safe.length(), 200)); // Fits a log line.
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }

  /** Returns the servers and the chroot, for messages. */
  @Override
  public String toString() {
    return settings.servers.stream()
        .map(server -> server.getHostString() + ":" + server.getPort())
        .collect(Collectors.joining(",", "ZooKeeper at ", settings.chroot));
  }
}
