// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import kit.StatusException;

/** What the agent has published about services: to be read without a lock, and to be waited for. */
final class AgentCatalog {
  // Each service name has a listing that never changes. A change puts another in its place, with a
  // higher index, and opens the gate of the old one. A blocking query reads the listing, and if
  // that is no news, waits at the gate of exactly this listing. So no wake-up gets lost, no waiter
  // is on any list, and a change of one service wakes nobody who waits for another.
  //
  // A name without instances has the listing "absent", shared by all such names. Its index is that
  // of the last disappearance of any service, as in Consul: the agent need not remember names.
  //
  // There is one writer at a time: AgentState, under its lock.

  /** A state of affairs that ends when another one takes its place. */
  abstract static class Snapshot {
    final CountDownLatch gate = new CountDownLatch(1);
  }

  /** A moment in the life of the list of services; see {@link #tagsByName}. */
  static final class Names extends Snapshot {
    final long index;

    private Names(long index) {
      this.index = index;
    }
  }

  private final LongSupplier nanoTime;
  private final ConcurrentMap<String, ServiceListing> listings = new ConcurrentHashMap<>();
  private volatile ServiceListing absent = ServiceListing.empty(1);
  private volatile Names names = new Names(1);
  private volatile boolean closed;

  AgentCatalog(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /**
   * Publishes a new state of an instance.
   *
   * @param redefined whether more than results of checks is new
   */
  void put(ServiceListing.Instance instance, long index, boolean redefined) {
    String key = key(instance.definition.name());
    ServiceListing before = listings.get(key);
    if (before == null) {
      listings.put(key, ServiceListing.empty(index).with(instance, index, index));
      replaceAbsent(absent.healthIndex); // Who waits for this name waits at the gate of absent.
    } else {
      long definitionIndex = redefined ? index : before.definitionIndex;
      listings.put(key, before.with(instance, definitionIndex, index));
      open(before);
    }
    if (redefined) {
      replaceNames(index);
    }
  }

  /** Publishes that an instance is gone. */
  void remove(ServiceDefinition definition, long index) {
    String key = key(definition.name());
    ServiceListing before = listings.get(key);
    ServiceListing after = before.without(definition.id(), index);
    if (after.instances().isEmpty()) {
      replaceAbsent(index);
      listings.remove(key);
    } else {
      listings.put(key, after);
    }
    open(before);
    replaceNames(index);
  }

  /** Ends all waiting, now and later. */
  void close() {
    closed = true;
    listings.values().forEach(AgentCatalog::open);
    open(absent);
    open(names);
  }

  private void replaceAbsent(long index) {
    ServiceListing before = absent;
    absent = ServiceListing.empty(index);
    open(before);
  }

  private void replaceNames(long index) {
    Names before = names;
    names = new Names(index);
    open(before);
  }

  private static void open(Snapshot superseded) {
    superseded.gate.countDown();
  }

  /** Names differ by more than case. */
  private static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  /** Returns what is known of a service at the moment; a listing without instances if nothing is. */
  ServiceListing listing(String name) {
    // In this order: if the service appears in between, the gate of this absent has been opened.
    ServiceListing none = absent;
    return listings.getOrDefault(key(name), none);
  }

  Names names() {
    return names;
  }

  /** Returns the tags in use by service name, both sorted. */
  Map<String, Collection<String>> tagsByName() {
    Map<String, Collection<String>> tags = new TreeMap<>();
    for (ServiceListing listing : listings.values()) {
      for (ServiceListing.Instance instance : listing.instances()) {
        tags.computeIfAbsent(instance.definition.name(), name -> new TreeSet<>())
            .addAll(instance.definition.tags());
      }
    }
    return tags;
  }

  /**
   * Returns the current snapshot as soon as its index is above {@code index}, at the latest after
   * {@code nanos}.
   *
   * @throws StatusException 503 when the agent is closed
   */
  <S extends Snapshot> S await(
      Supplier<S> current, ToLongFunction<S> indexOf, long index, long nanos)
      throws InterruptedException {
    long deadlineNanos = nanoTime.getAsLong() + nanos;
    while (true) {
      S snapshot = current.get();
      if (Long.compareUnsigned(indexOf.applyAsLong(snapshot), index) > 0) {
        return snapshot;
      }
      if (closed) {
        throw new StatusException(503, "the agent is shutting down");
      }
      long leftNanos = deadlineNanos - nanoTime.getAsLong();
      if (!snapshot.gate.await(leftNanos, TimeUnit.NANOSECONDS)) {
        return snapshot;
      }
    }
  }
}
