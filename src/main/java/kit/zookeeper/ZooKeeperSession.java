// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import kit.zookeeper.ZooKeeperClient.Settings;
import kit.zookeeper.ZooKeeperClient.User;
import kit.zookeeper.ZooKeeperClient.ZooKeeperException;
import kit.zookeeper.ZooKeeperConnection.Grant;
import kit.zookeeper.ZooKeeperConnection.Parser;

/**
 * The session of a {@link ZooKeeperClient} and its watches, over one connection after another.
 *
 * <pre>
 *   no session --> connect --> connected --> connection lost --> reattach, with the next request
 *       ^                          ^                                |        |
 *       |                          '---- the session still exists --'        |
 *       '------------------------------- the session has expired ------------'
 * </pre>
 *
 * <p>Paths are those of the server. Confined to one thread at a time, except {@link #id}.
 */
final class ZooKeeperSession {
  private static final int MAX_REFUSALS = 3;
  private static final int WATCHES_PER_REQUEST = 100; // So that their paths fit.
  private static final long MIN_TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Settings settings;
  private final LongSupplier nanoTime;
  private final List<InetSocketAddress> servers; // The first one is the one to use.
  private final Set<Watch> watches = new HashSet<>();
  private final Set<String> changed = new HashSet<>();
  private volatile Grant grant = Grant.NONE;
  private Optional<ZooKeeperConnection> connection = Optional.empty();
  private long zxid; // The last transaction that this client has seen.
  private int refusals; // In a row.
  private boolean isClosed;

  /** A watch, by the type of the request that set it. */
  private record Watch(int type, String path) {}

  /** Creates a session that begins with its first request. */
  ZooKeeperSession(Settings settings, Random random, LongSupplier nanoTime) {
    this.settings = settings;
    this.nanoTime = nanoTime;
    this.servers = new ArrayList<>(settings.servers());
    Collections.shuffle(servers, random);
  }

  /** Returns the id; 0: none. */
  long id() {
    return grant.id();
  }

  /** Returns the granted timeout; the requested one if there is no session. */
  Duration timeout() {
    return grant == Grant.NONE ? settings.sessionTimeout() : Duration.ofNanos(grant.timeoutNanos());
  }

  /** See {@link ZooKeeperClient#await}. */
  Set<String> await(Duration limit) throws IOException, InterruptedException {
    long deadlineNanos = nanoTime.getAsLong() + limit.toNanos();
    boolean wasLost = false;
    while (changed.isEmpty() && deadlineNanos - nanoTime.getAsLong() > 0) {
      ZooKeeperConnection current = attached();
      try {
        takeOrPing(current, deadlineNanos);
      } catch (IOException e) {
        lost();
        if (wasLost) { // A server that always disconnects is not to be a busy loop.
          throw failed("waiting for changes", e);
        }
        wasLost = true;
      }
    }
    Set<String> paths = Set.copyOf(changed);
    changed.clear();
    return paths;
  }

  private void takeOrPing(ZooKeeperConnection current, long deadlineNanos)
      throws IOException, InterruptedException {
    if (!changed.isEmpty()) {
      return; // Attaching has taken what was missed.
    }
    long now = nanoTime.getAsLong();
    long untilPing = current.sentAtNanos() + grant.timeoutNanos() / 3 - now;
    try {
      current.take(now + Math.min(untilPing, deadlineNanos - now));
    } catch (SocketTimeoutException e) {
      if (nanoTime.getAsLong() - now >= untilPing) {
        current.call("ping", responseNanos(), body -> true, ZooKeeperConnection.PING);
      }
    }
  }

  /** See {@link ZooKeeperConnection#call}. */
  <T> T call(String what, Parser<T> parser, Object... request)
      throws IOException, InterruptedException {
    ZooKeeperConnection current = attached();
    try {
      return current.call(what + asUser(), responseNanos(), parser, request);
    } catch (ZooKeeperException e) {
      if (e.code() <= ZooKeeperException.EXPIRED) {
        lost();
      }
      throw e;
    } catch (IOException e) {
      lost();
      throw failed(what, e);
    }
  }

  /** Reads a node, if it exists, in one of the ways that set a watch. */
  <T> Optional<T> read(int type, String path, boolean isWatched, Parser<T> parser)
      throws IOException, InterruptedException {
    Set<Watch> watch = isWatched ? Set.of(new Watch(type, path)) : Set.of();
    watches.addAll(watch); // Its event can overtake the response,
    try {
      T found = call(path, parser, type, path, isWatched);
      watches.addAll(watch); // and the event of an earlier watch can precede it.
      return Optional.of(found);
    } catch (ZooKeeperException e) {
      watches.removeAll(watch);
      if (e.code() != ZooKeeperException.NO_NODE) {
        throw e;
      }
      return Optional.empty();
    }
  }

  /** Watches for the creation of a node that does not exist. */
  void watchCreation(String path) throws IOException, InterruptedException {
    if (read(ZooKeeperConnection.EXISTS, path, true, body -> true).isPresent()) {
      changed.add(path); // It was created in between.
    } else {
      watches.add(new Watch(ZooKeeperConnection.EXISTS, path));
    }
  }

  private String asUser() {
    return settings.user().map(user -> " as user " + user.name()).orElse("");
  }

  private long responseNanos() {
    return grant.timeoutNanos() / 3 * 2;
  }

  /** Returns the connection, or connects to the first server that accepts the session. */
  private ZooKeeperConnection attached() throws IOException, InterruptedException {
    IOException failure = new IOException("this client is closed");
    int left = servers.size();
    while (left > 0 && connection.isEmpty() && !isClosed) {
      InetSocketAddress server = servers.get(0);
      int before = refusals;
      try {
        attach(server.getPort(), InetAddress.getAllByName(server.getHostString()));
      } catch (IOException e) {
        failure = failed(server.getHostString() + ":" + server.getPort(), e);
        Collections.rotate(servers, -1);
        // A server that has lost its data: to find out, do not wait for the caller to try again.
        boolean isRefused = refusals > before && refusals <= MAX_REFUSALS;
        left -= isRefused ? 0 : 1;
      }
    }
    if (connection.isEmpty()) {
      throw failure;
    }
    return connection.get();
  }

  private void attach(int port, InetAddress... addresses) throws IOException, InterruptedException {
    for (int i = 0; connection.isEmpty(); i++) {
      try {
        attach(new InetSocketAddress(addresses[i], port));
      } catch (IOException e) {
        if (i == addresses.length - 1) {
          throw e;
        }
      }
    }
  }

  private void attach(InetSocketAddress address) throws IOException, InterruptedException {
    ZooKeeperConnection next = new ZooKeeperConnection(nanoTime, this::take);
    try {
      if (begin(next, address)) {
        authenticate(next);
        setWatches(next);
        refusals = 0;
        connection = Optional.of(next);
        return;
      }
    } finally {
      if (connection.isEmpty()) {
        next.close();
      }
    }
    if (grant == Grant.NONE) {
      throw new IOException("the server accepts no new session");
    }
    forgetSession();
    attach(address);
  }

  /** Begins or continues the session; returns false if the server no longer has it. */
  private boolean begin(ZooKeeperConnection next, InetSocketAddress address)
      throws IOException, InterruptedException {
    long requestedNanos = settings.sessionTimeout().toNanos();
    long deadlineNanos = nanoTime.getAsLong() + requestedNanos / servers.size();
    next.connect(address, deadlineNanos);
    try {
      int millis = (int) settings.sessionTimeout().toMillis();
      Grant granted = next.begin(grant, zxid, millis, deadlineNanos);
      if (granted.timeoutNanos() == 0) {
        return false;
      }
      // A response is awaited for no longer than requested, and pings do not flood the server.
      long timeoutNanos = Math.min(granted.timeoutNanos(), requestedNanos);
      grant =
          new Grant(granted.id(), granted.password(), Math.max(MIN_TIMEOUT_NANOS, timeoutNanos));
      return true;
    } catch (IOException e) {
      boolean isRefusal = !(e instanceof SocketTimeoutException);
      refusals += isRefusal ? 1 : 0;
      if (refusals >= MAX_REFUSALS) {
        zxid = 0; // All servers are behind: data was lost or restored.
      }
      throw e;
    }
  }

  private void authenticate(ZooKeeperConnection next) throws IOException, InterruptedException {
    if (settings.user().isPresent()) {
      User user = settings.user().get();
      String what = "authentication" + asUser();
      byte[] digest = (user.name() + ":" + user.password()).getBytes(UTF_8);
      next.call(what, responseNanos(), body -> true, ZooKeeperConnection.AUTH, 0, "digest", digest);
    }
  }

  private void setWatches(ZooKeeperConnection next) throws IOException, InterruptedException {
    List<Watch> all = List.copyOf(watches);
    for (int from = 0; from < all.size(); from += WATCHES_PER_REQUEST) {
      List<Watch> some = all.subList(from, Math.min(all.size(), from + WATCHES_PER_REQUEST));
      next.call(
          "watches" + asUser(),
          responseNanos(),
          body -> true,
          ZooKeeperConnection.SET_WATCHES,
          zxid, // Not that of the responses in between, which would hide what was missed.
          paths(some, ZooKeeperConnection.GET),
          paths(some, ZooKeeperConnection.EXISTS),
          paths(some, ZooKeeperConnection.CHILDREN));
    }
  }

  private static List<String> paths(List<Watch> watches, int type) {
    return watches.stream().filter(watch -> watch.type == type).map(Watch::path).toList();
  }

  /** Takes an event: all watches of a path end with its first event, as the caller reads it again. */
  private void take(String path) {
    Set<Watch> ended =
        Set.of(
            new Watch(ZooKeeperConnection.GET, path),
            new Watch(ZooKeeperConnection.EXISTS, path),
            new Watch(ZooKeeperConnection.CHILDREN, path));
    if (watches.removeAll(ended)) {
      changed.add(path);
    }
  }

  private void forgetSession() {
    grant = Grant.NONE;
    zxid = 0;
    watches.forEach(watch -> changed.add(watch.path));
    watches.clear();
  }

  private void lost() {
    disconnect();
    Collections.rotate(servers, -1);
  }

  private void disconnect() {
    connection.ifPresent(
        current -> {
          zxid = current.zxid();
          current.close();
        });
    connection = Optional.empty();
  }

  /** See {@link ZooKeeperClient#close}. */
  void close() {
    boolean isInterrupted = Thread.interrupted();
    try {
      if (connection.isPresent()) {
        connection.get().call("close", CLOSE_NANOS, body -> true, ZooKeeperConnection.CLOSE);
      }
    } catch (IOException e) {
      // The session expires.
    } catch (InterruptedException e) {
      isInterrupted = true;
    }
    isClosed = true;
    disconnect();
    if (isInterrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static IOException failed(String what, IOException e) {
    boolean isCode = e instanceof ZooKeeperException;
    String problem = e.getMessage() == null ? "truncated response" : e.getMessage();
    return isCode ? e : new IOException(what + ": " + problem, e);
  }
}
