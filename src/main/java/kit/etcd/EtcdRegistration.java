// SPDX-License-Identifier: Apache-2.0
package kit.etcd;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import kit.discovery.Instance;
import kit.discovery.RegistrationLoop;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Registers an instance with etcd and keeps it registered: as the key {@code /services/NAME/ID}
 * with the value {@code host:port}, which {@link EtcdInstances} reads.
 *
 * <pre>{@code
 * Registration registration =
 *     new EtcdRegistration(etcd, "userservice", "userservice-10.0.0.5-8081", instance);
 * registration.start(); // when the port accepts connections
 * ...
 * registration.close();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>etcd has no health checks. The key has a <em>lease</em> of 10 seconds, which is renewed three
 * times as often; when the process dies, the lease expires and the key with it. A service that
 * hangs keeps its key.
 *
 * <pre>
 *            lease has expired (etcd was down for longer, or lost its data)
 *        .--------------------------------------------.
 *        v                                            |
 *   grant lease --> put key --> pause of 3 s --> keep lease alive
 *                      ^             ^                |
 *                      |             '----------------+
 *                      '--------------------- check after 8 to 12 s
 *                        key is missing or changed
 *
 *   close --> revoke lease, and etcd deletes the key
 * </pre>
 *
 * <p>A put that arrives after the lease was revoked fails: a stale entry lives for at most 10
 * seconds. An instance that is restarted takes over the key of its predecessor, whose lease then
 * expires without a key.
 *
 * <p>Tags and metadata are not registered: the value is the one that Go kit's {@code etcdv3} writes
 * and reads.
 */
public final class EtcdRegistration extends RegistrationLoop {
  private static final Duration TTL = Duration.ofSeconds(10);
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Logger log;
  private final EtcdClient etcd;
  private final String key;
  private final String value;
  private final Duration ttl;

  // Confined to the thread of the registration.
  private long lease; // 0: none.
  private boolean isPut;
  private long lookAtNanos;

  /** Creates a registration of {@code instance} of {@code service} under a unique {@code id}. */
  public EtcdRegistration(EtcdClient etcd, String service, String id, Instance instance) {
    this(etcd, service, id, instance, TTL, LoggerFactory.getLogger(EtcdRegistration.class));
  }

  EtcdRegistration(
      EtcdClient etcd, String service, String id, Instance instance, Duration ttl, Logger log) {
    super(log, id, etcd.toString());
    if (id.isEmpty()) {
      throw new IllegalArgumentException("id is empty");
    }
    this.log = log;
    this.etcd = requireNonNull(etcd, "etcd");
    this.key = EtcdInstances.prefix(service) + id;
    this.value = instance.authority();
    this.ttl = ttl;
  }

  @Override
  protected Duration keep() throws IOException, InterruptedException {
    if (lease != 0 && etcd.keepAlive(lease).isZero()) {
      log.warn("{} has lost the lease of {}: registering again", etcd, key);
      lease = 0;
    }
    if (lease == 0) {
      isPut = false;
      lease = etcd.grant(ttl);
    }
    boolean isLookDue = !isRegistered() || lookAtNanos - System.nanoTime() <= 0;
    if (isPut && isLookDue) {
      look();
    }
    if (!isPut) {
      etcd.put(key, value, lease);
      isPut = true;
      lookAgainLater();
      log.info("registered {} with {}", key, etcd);
    }
    return Duration.ofNanos((long) (ttl.toNanos() / 3 * between(0.8, 1)));
  }

  private void look() throws IOException, InterruptedException {
    isPut = etcd.get(key).filter(this::isOurs).isPresent();
    if (isPut) {
      lookAgainLater();
    } else {
      log.warn("{} has lost or changed {}: registering again", etcd, key);
    }
  }

  private boolean isOurs(EtcdClient.Entry entry) {
    return entry.value().equals(value) && entry.lease() == lease;
  }

  private void lookAgainLater() {
    lookAtNanos = System.nanoTime() + (long) (LOOK_NANOS * between(0.8, 1.2));
  }

  // Jitter: instances that were started together do not send together.
  private static double between(double least, double most) {
    return ThreadLocalRandom.current().nextDouble(least, most);
  }

  @Override
  protected void remove() throws IOException, InterruptedException {
    if (lease != 0) {
      etcd.revoke(lease);
      log.info("deregistered {}", key);
    }
  }
}
