// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;

/**
 * A session with ZooKeeper: creates, deletes, reads and watches nodes.
 *
 * <p>Each method but {@link #await} and {@link #ping} is one request on the thread of the caller.
 */
public final class ZooKeeperClient implements AutoCloseable {
  // Half a surrogate pair is invalid, and the server rejects whole ones, too.
  private static final Pattern ELEMENT =
      Pattern.compile(
          "(?!\\.{1,2}$)[^/\\p{Cc}\\ud800-\\uf8ff\\ufff0-\\uffff\\x{10000}-\\x{10ffff}]+");

  private final Settings settings;
  private volatile long sessionId;

  /** Creates a client that connects with its first request. */
  public ZooKeeperClient(Settings settings) {
    this(settings, RandomGenerator.getDefault(), System::nanoTime);
  }

  /** As above, with randomness, which shuffles the servers, and a clock. */
  ZooKeeperClient(Settings settings, RandomGenerator random, LongSupplier nanoTime) {
    this.settings = settings;
  }

  /**
   * Settings of a client.
   *
   * @param servers unresolved addresses; a name may have several addresses; usual port: 2181
   * @param chroot the path that all paths are below, such as {@code /a/b}; empty: none
   * @param sessionTimeout how long the server keeps a session without requests, at least 100 ms; the
   *     server bounds it to between 2 and 20 of its ticks of usually 2 s
   * @param user the user for digest authentication; empty: none
   */
  public record Settings(
      List<InetSocketAddress> servers,
      String chroot,
      Duration sessionTimeout,
      Optional<User> user) {
    private static final long MIN_MILLIS = 100;

    /** Checks the ranges and copies the list. */
    public Settings {
      servers = List.copyOf(servers);
      require(!servers.isEmpty(), "no servers");
      require(chroot.isEmpty() || isPath(chroot) && chroot.length() > 1, "chroot: " + chroot);
      long millis = sessionTimeout.toMillis();
      require(
          millis >= MIN_MILLIS && millis <= Integer.MAX_VALUE,
          "sessionTimeout not in 100 ms..24 days: " + sessionTimeout);
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
      require(name.matches("[^:\\p{Cc}]+"), "name of a user empty, or with a colon");
    }

    /** Returns the name only. */
    @Override
    public String toString() {
      return name;
    }
  }

  /** The kinds of nodes. */
  public enum Mode {
    /** Exists until it is deleted. */
    PERSISTENT,
    /** Is deleted at the end of the session. */
    EPHEMERAL,
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

    /** The user has no permission for this. */
    public static final int NO_AUTH = -102;

    /** The node to create exists. */
    public static final int NODE_EXISTS = -110;

    private final int code;

    private ZooKeeperException(String problem, int code) {
      super(problem + " (" + code + ")");
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
    throw new UnsupportedOperationException(); 
  }

  /** Creates a persistent node without data, its parents and the chroot, as far as they are missing. */
  public synchronized void createParents(String path) throws IOException, InterruptedException {
    throw new UnsupportedOperationException(); 
  }

  /** Deletes a node without children; returns false if it does not exist. */
  public synchronized boolean delete(String path) throws IOException, InterruptedException {
    throw new UnsupportedOperationException(); 
  }

  /**
   * Returns a node, if it exists.
   *
   * @param watch whether {@link #await} is to return its path once after its next change; a node that
   *     does not exist is not watched
   */
  public synchronized Optional<Node> get(String path, boolean watch)
      throws IOException, InterruptedException {
    throw new UnsupportedOperationException(); 
  }

  /**
   * Returns the names of the children of a node, in any order, if the node exists.
   *
   * @param watch whether {@link #await} is to return its path once after the next child was added
   *     or deleted, or after the node was created or deleted
   */
  public synchronized Optional<List<String>> children(String path, boolean watch)
      throws IOException, InterruptedException {
    throw new UnsupportedOperationException(); 
  }

  /**
   * Waits until a watched path has changed, and keeps the session alive.
   *
   * <p>Each watch is returned once: read the path again with a watch. It may be returned without a
   * change, and is when the session has expired, since the server then has no watches.
   *
   * @return the paths that may have changed; empty when the limit has passed
   * @throws IOException if the connection was lost and no server accepts a new one; watches are kept
   */
  public synchronized Set<String> await(Duration limit) throws IOException, InterruptedException {
    throw new UnsupportedOperationException(); 
  }

  /**
   * Keeps the session alive: call this, {@link #await} or another method at least every third of the
   * session timeout. As all methods it connects if necessary, which may begin a new session, see
   * {@link #sessionId}.
   */
  public synchronized void ping() throws IOException, InterruptedException {
    throw new UnsupportedOperationException(); 
  }

  /**
   * Returns the id of the session; 0 before the first, and when it has expired. If the id changes,
   * the ephemeral nodes of the earlier session are gone, or will be within its timeout.
   */
  public long sessionId() {
    return sessionId;
  }

  /**
   * Ends the session, which deletes its ephemeral nodes, and waits up to a second for the server's
   * confirmation. Without a connection, the session is left to expire.
   */
  @Override
  public synchronized void close() {}

  private static boolean isPath(String path) {
    return path.equals("/")
        || path.startsWith("/")
            && Arrays.stream(path.substring(1).split("/", -1))
                .allMatch(ELEMENT.asMatchPredicate());
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }

  /** Returns the servers and the chroot, for messages. */
  @Override
  public String toString() {
    return "ZooKeeper at " + settings.servers;
  }
}
