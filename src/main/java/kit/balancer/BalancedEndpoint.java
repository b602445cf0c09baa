// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import kit.Attempts;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.OutageLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls a service of many instances as if it were one: each call goes to one that is there now.
 *
 * <pre>{@code
 * Endpoint<Integer, String> getName =
 *     new BalancedEndpoint<>(
 *         "userservice",
 *         instances,
 *         instance -> new HttpEndpoint<>(http, URI.create("http://" + instance), encode, decode),
 *         new RoundRobinPicker()::pick);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>There is one {@link Node} per instance. It is made when the instance appears, kept while it
 * lives, and closed when it has gone and its last call has ended.
 *
 * <p><b>Moving on is not retrying.</b> When an instance certainly did no work (connection refused,
 * breaker open), the next one is asked at once, within the same attempt. An instance that got the
 * request and failed is another matter: repeating may do the work twice, so that is left to retry,
 * which passes {@link Attempts} along; instances in it are asked last or not at all.
 *
 * <p>An instance whose endpoint is {@linkplain Availability unavailable} (its circuit breaker is open) gets
 * no calls, unless all ask. So does one whose endpoint cannot be made, because the factory throws an
 * exception: it is left out with one warning, and tried again when the list has changed, or when no other
 * instance is left.
 *
 * <p>The first call waits for the first non-empty list, until its deadline (10 seconds if it has
 * none): right after the start nobody has been found yet. An empty list later on is an error at once.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link PeerException} of kind {@code NO_INSTANCE} when the list is empty, or no endpoint can be made
 * for any instance in it; the cause is the registry's failure or the factory's. When all were passed over,
 * the last one's exception, with the others suppressed in it.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads. A call that succeeds at first takes no lock and allocates
 * nothing here.
 *
 * <p>Go kit's words: {@code sd.Endpointer}, {@code lb.Balancer}.
 */
public final class BalancedEndpoint<Q, R> implements Endpoint<Q, R>, AutoCloseable {
  private static final Duration FIRST_LIST_TIMEOUT = Duration.ofSeconds(10);

  private final Logger log;
  private final String service;
  private final Instances instances;
  private final Function<Instance, Endpoint<Q, R>> factory;
  private final Picker<Node<Q, R>> picker;
  private final Duration firstListTimeout; // Of calls without a deadline.
  private final AtomicReference<Nodes<Q, R>> nodes = new AtomicReference<>(Nodes.none());
  private final Instances.Subscription subscription;
  private final Object arrival = new Object(); // Notified when nodes have changed.

  private volatile boolean hadInstances;
  private volatile boolean closed;

  /**
   * Balances over {@code instances}, which the caller closes.
   *
   * @param service the name to use in messages
   * @param factory makes the endpoint of one instance, at its first call; if the endpoint is {@link
   *     AutoCloseable}, it is closed when the instance has gone
   */
  public BalancedEndpoint(
      String service,
      Instances instances,
      Function<Instance, Endpoint<Q, R>> factory,
      Picker<Node<Q, R>> picker) {
    this(
        service,
        instances,
        factory,
        picker,
        FIRST_LIST_TIMEOUT,
        LoggerFactory.getLogger(BalancedEndpoint.class));
  }

  BalancedEndpoint(
      String service,
      Instances instances,
      Function<Instance, Endpoint<Q, R>> factory,
      Picker<Node<Q, R>> picker,
      Duration firstListTimeout,
      Logger log) {
    this.service = requireNonNull(service, "service");
    this.instances = requireNonNull(instances, "instances");
    this.factory = requireNonNull(factory, "factory");
    this.picker = requireNonNull(picker, "picker");
    this.firstListTimeout = firstListTimeout;
    this.log = log;
    this.subscription = instances.onChange(this::update);
    update();
  }

  @Override
  public R call(Context context, Q request) throws Exception {
    if (!hadInstances) {
      awaitFirstList(context);
    }
    Attempts attempts = context.get(Attempts.KEY);
    List<PeerException> refusals = List.of();
    while (true) {
      List<Node<Q, R>> all = nodes.get().list();
      List<Node<Q, R>> candidates = untried(all, attempts);
      if (candidates.isEmpty()) {
        throw refusals.isEmpty() ? noInstance(all) : lastOf(refusals);
      }
      Node<Q, R> node = pick(all, candidates);
      if (!node.enter()) {
        continue; // It has just gone, and the list with it.
      }
      try {
        return node.endpoint(factory).call(context, request);
      } catch (PeerException e) {
        if (!e.kind().notSent()) {
          if (attempts != null) {
            attempts.broke(node.name());
          }
          throw e;
        }
        if (attempts == null) {
          attempts = new Attempts();
        }
        attempts.refused(node.name());
        if (refusals.isEmpty()) {
          refusals = new ArrayList<>();
        }
        refusals.add(e);
      } finally {
        node.exit();
      }
    }
  }

  /** Leaves out those who ask for it, but never the last one. */
  private Node<Q, R> pick(List<Node<Q, R>> all, List<Node<Q, R>> candidates) {
    // Turns are taken over the whole list, and those of the others skipped: on a shorter list the
    // same turn means somebody else, and with one of four out its neighbour got a ninth of the
    // calls instead of a third.
    for (int i = 0; i < all.size(); i++) {
      Node<Q, R> picked = picker.pick(all);
      if (picked.isAvailable() && (candidates == all || candidates.contains(picked))) {
        return picked;
      }
    }
    List<Node<Q, R>> wanted = new ArrayList<>(candidates);
    wanted.removeIf(node -> !node.isAvailable());
    return picker.pick(wanted.isEmpty() ? candidates : wanted);
  }

  /** Those nobody has tried; failing that, those that may be asked again. */
  private static <Q, R> List<Node<Q, R>> untried(List<Node<Q, R>> all, Attempts attempts) {
    if (attempts == null || attempts.isEmpty()) {
      return all;
    }
    List<Node<Q, R>> untried = new ArrayList<>(all);
    untried.removeIf(node -> attempts.hasTried(node.name()));
    if (untried.isEmpty()) {
      untried.addAll(all);
      untried.removeIf(node -> attempts.hasRefused(node.name()));
    }
    return untried;
  }

  private static PeerException lastOf(List<PeerException> refusals) {
    PeerException last = refusals.get(refusals.size() - 1);
    for (PeerException refusal : refusals) { // Of an instance, rather than that there is none.
      last = last.kind() == PeerException.Kind.NO_INSTANCE ? refusal : last;
    }
    for (PeerException refusal : refusals) {
      if (refusal != last) { // A limiter may throw one object each time.
        last.addSuppressed(refusal);
      }
    }
    return last;
  }

  private void awaitFirstList(Context context) throws InterruptedException {
    Context wait = context.hasDeadline() ? context : context.withTimeout(firstListTimeout);
    synchronized (arrival) {
      while (!hadInstances && !closed) {
        long leftNanos = wait.remainingNanos();
        if (leftNanos <= 0) {
          return; // call() finds the list empty and says so.
        }
        TimeUnit.NANOSECONDS.timedWait(arrival, leftNanos);
      }
    }
  }

  private PeerException noInstance(List<Node<Q, R>> all) {
    Exception why = instances.failure().orElse(null);
    if (!all.isEmpty()) {
      return PeerException.noInstance("every instance of " + service + " has refused", why);
    }
    String text = closed ? "closed: no instance of " : "no instance of ";
    return PeerException.noInstance(
        text + service + (why == null ? "" : ": " + OutageLog.cause(why)), why);
  }

  /** Brings the nodes in line with the snapshot. Without a lock: several updates may race. */
  private void update() {
    Nodes<Q, R> before;
    Nodes<Q, R> after;
    do {
      before = nodes.get();
      // Taken after "before": whoever loses the race below starts again with a newer snapshot.
      after = before.with(closed ? List.of() : instances.snapshot(), log);
    } while (!nodes.compareAndSet(before, after));
    if (!after.list().isEmpty()) {
      hadInstances = true;
    }
    synchronized (arrival) {
      arrival.notifyAll();
    }
    after.list().forEach(Node::tryAgain);
    for (Node<Q, R> node : before.list()) {
      if (after.byName().get(node.name()) != node) {
        node.retire();
      }
    }
  }

  /** Lets go of all instances; calls in flight end undisturbed. */
  @Override
  public void close() {
    closed = true;
    subscription.close();
    update();
  }

  /** The nodes of one moment; immutable. */
  private record Nodes<Q, R>(Map<String, Node<Q, R>> byName, List<Node<Q, R>> list) {
    static <Q, R> Nodes<Q, R> none() {
      return new Nodes<>(Map.of(), List.of());
    }

    /** Keeps the nodes that are still wanted, and makes those that are new. */
    Nodes<Q, R> with(List<Instance> instances, Logger log) {
      Map<String, Node<Q, R>> wanted = new LinkedHashMap<>();
      for (Instance instance : instances) {
        Node<Q, R> known = byName.get(instance.authority());
        wanted.putIfAbsent(instance.authority(), known == null ? new Node<>(instance, log) : known);
      }
      return new Nodes<>(wanted, List.copyOf(wanted.values()));
    }
  }
}
