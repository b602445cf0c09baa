// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import kit.discovery.Instance;
import kit.discovery.RegistrationLoop;
import kit.zookeeper.ZooKeeperClient.Mode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Registers an instance with ZooKeeper and keeps it registered: as an ephemeral, sequential child of
 * the path of its service, whose data is {@code host:port}. {@link ZooKeeperInstances} reads it.
 *
 * <pre>{@code
 * Registration registration =
 *     new ZooKeeperRegistration(settings, "/services/userservice", instance);
 * registration.start(); // when the port accepts connections
 * ...
 * registration.close();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>ZooKeeper has no health checks. It deletes the node when the <em>session</em> of its creator
 * ends: at once when the registration is closed, after the session timeout when the process dies. The
 * session is renewed by a ping, three times as often.
 *
 * <pre>
 *            the session has expired (ZooKeeper was down, or this process was suspended)
 *        .----------------------------------------------------.
 *        v                                                    |
 *   create node --> pause of a third of the timeout --> ping the session
 *        ^                           ^                        |
 *        |                           '------------------------+
 *        '----------------------------- check after 8 to 12 s
 *                 node is missing or changed
 *
 *   close --> delete node, close session
 * </pre>
 *
 * <p>The name of the node is {@code _c_}, a random id of the registration, a dash and a number from
 * ZooKeeper. If the response to the creation is lost, the node is found by the id, so none is
 * created twice; nodes of an earlier session of this registration are deleted. Nodes with other ids
 * are never touched.
 *
 * <p>Tags and metadata are not registered: names and data of the nodes are those that Go kit's
 * {@code sd/zk} writes and reads.
 */
public final class ZooKeeperRegistration extends RegistrationLoop {
  private static final Duration LOOK = Duration.ofSeconds(10);

  private final Logger log;
  private final ZooKeeperClient client;
  private final String path;
  private final String prefix;
  private final String data;
  private final Duration look;

  // Confined to the thread of the registration.
  private boolean mayExist; // Nodes with the prefix.
  private Optional<String> node = Optional.empty();
  private long session; // In which the node was created.
  private long lookAtNanos;

  /**
   * Creates a registration of {@code instance} of the service at {@code path}.
   *
   * @throws IllegalArgumentException if the path is malformed
   */
  public ZooKeeperRegistration(ZooKeeperClient.Settings settings, String path, Instance instance) {
    this(
        new ZooKeeperClient(settings),
        path,
        instance,
        LOOK,
        LoggerFactory.getLogger(ZooKeeperRegistration.class));
  }

  /** As above; the node is verified about every {@code look}. */
  ZooKeeperRegistration(
      ZooKeeperClient client, String path, Instance instance, Duration look, Logger log) {
    super(log, id(path, instance), client.toString());
    this.log = log;
    this.client = requireNonNull(client, "client");
    this.path = path;
    this.prefix = "_c_" + UUID.randomUUID().toString().replace("-", "") + "-";
    this.data = instance.authority();
    this.look = look;
  }

  private static String id(String path, Instance instance) {
    return ZooKeeperInstances.nameOf(ZooKeeperInstances.checked(path)) + "-" + instance.authority();
  }

  @Override
  protected Duration keep() throws IOException, InterruptedException {
    if (node.isPresent()) {
      client.ping();
      verify();
    }
    if (node.isEmpty()) {
      register();
    }
    // Jitter: instances that were started together do not send together.
    return Duration.ofNanos((long) (client.sessionTimeout().toNanos() / 3 * between(0.8, 1)));
  }

  /** Forgets the node if it is gone. */
  private void verify() throws IOException, InterruptedException {
    if (client.sessionId() != session) {
      log.warn("{} has ended the session of {}: registering again", client, node.get());
      node = Optional.empty();
    } else if (!isRegistered() || lookAtNanos - System.nanoTime() <= 0) {
      if (isOurs(node.get())) {
        lookAgainLater();
      } else {
        log.warn("{} has lost or changed {}: registering again", client, node.get());
        node = Optional.empty();
      }
    }
  }

  private boolean isOurs(String node) throws IOException, InterruptedException {
    return client
        .get(node, false)
        .filter(found -> found.ephemeralOwner() == client.sessionId())
        .filter(found -> found.data().equals(data))
        .isPresent();
  }

  private void register() throws IOException, InterruptedException {
    client.createParents(path);
    node = mayExist ? existing() : Optional.empty();
    mayExist = true; // Even if there is no response.
    if (node.isEmpty()) {
      String created = path + "/" + prefix;
      node = Optional.of(client.create(created, data, Mode.EPHEMERAL_SEQUENTIAL));
    }
    session = client.sessionId();
    lookAgainLater();
    log.info("registered {} with {}", node.get(), client);
  }

  /** Returns the node that a creation without a response has left, and deletes the other ones. */
  private Optional<String> existing() throws IOException, InterruptedException {
    Optional<String> usable = Optional.empty();
    for (String child : nodes()) {
      if (usable.isEmpty() && isOurs(child)) {
        usable = Optional.of(child);
      } else {
        client.delete(child);
      }
    }
    return usable;
  }

  /** Returns the nodes of this registration. */
  private List<String> nodes() throws IOException, InterruptedException {
    return client.children(path, false).orElse(List.of()).stream()
        .filter(name -> name.startsWith(prefix))
        .map(name -> path + "/" + name)
        .toList();
  }

  private void lookAgainLater() {
    lookAtNanos = System.nanoTime() + (long) (look.toNanos() * between(0.8, 1.2));
  }

  private static double between(double least, double most) {
    return ThreadLocalRandom.current().nextDouble(least, most);
  }

  @Override
  protected void remove() throws IOException, InterruptedException {
    try {
      deleteNodes();
    } catch (ZooKeeperClient.ZooKeeperException e) {
      throw e;
    } catch (IOException e) {
      deleteNodes(); // The connection was lost, but ZooKeeper may be there.
    } finally {
      client.close();
    }
  }

  // The end of the session deletes them, too, but only if there is a connection.
  private void deleteNodes() throws IOException, InterruptedException {
    if (mayExist) {
      for (String left : node.isPresent() ? List.of(node.get()) : nodes()) {
        client.delete(left);
        log.info("deregistered {}", left);
      }
    }
  }
}
