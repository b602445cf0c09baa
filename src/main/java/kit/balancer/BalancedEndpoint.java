// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
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
 * Client-side load balancer: an endpoint that sends each call to one instance of a service.
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
 * <p>There is one {@link Node} per instance. It is created when the instance appears, and closed
 * after the instance has gone and its last call has ended.
 *
 * <p><b>Failover is not a retry.</b> When an instance certainly did no work (connection refused,
 * breaker open), the next one is called at once, within the same attempt. When an instance received
 * the request and failed, repeating may do the work twice, so it is left to the retry middleware,
 * which passes {@link Attempts} along; instances in it are called last or not at all.
 *
 * <p>An instance whose endpoint is {@linkplain Availability unavailable} (its circuit breaker is
 * open) gets no calls, unless all are unavailable. The same holds for one whose endpoint cannot be
 * created because the factory throws: it is skipped with one warning, and retried when the list has
 * changed, or when no other instance is left. At DEBUG, each pick that skips an instance is a line with
 * the reason.
 *
 * <p>The first call waits for the first non-empty list, until its deadline (10 seconds without
 * one): right after the start, discovery has no result yet. Later, an empty list is an error at
 * once.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link PeerException} of kind {@code NO_INSTANCE} if the list is empty, or no endpoint can be
 * created for any instance in it; the cause is the registry's failure or the factory's. If all
 * instances refused, the last one's exception, with the others suppressed in it.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. A call that succeeds at the first instance takes no lock and allocates nothing
 * here.
 *
 * <p>Equivalent in Go kit: {@code sd.Endpointer} with {@code lb.Balancer}.
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
   * Creates a balancer over {@code instances}, which the caller closes.
   *
   * @param service the name of the service in messages
   * @param factory creates the endpoint of an instance at its first call; an endpoint that is
   *     {@link AutoCloseable} is closed when the instance has gone
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

  /**
   * Returns a picker that takes nodes in turn; if the weights of their instances differ, in proportion
   * to these.
   */
  public static <Q, R> Picker<Node<Q, R>> roundRobin() {
    RoundRobinPicker equal = new RoundRobinPicker();
    WeightedRoundRobinPicker weighted = new WeightedRoundRobinPicker();
    return nodes ->
        haveEqualWeights(nodes)
            ? equal.pick(nodes)
            : weighted.pick(nodes, node -> node.instance().weight());
  }

  private static <Q, R> boolean haveEqualWeights(List<Node<Q, R>> nodes) {
    double first = nodes.get(0).instance().weight();
    for (int i = 1; i < nodes.size(); i++) {
      if (nodes.get(i).instance().weight() != first) {
        return false;
      }
    }
    return true;
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
        continue; // The instance has just gone; the list is updated.
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

  private Node<Q, R> pick(List<Node<Q, R>> all, List<Node<Q, R>> candidates) {
    Node<Q, R> picked = choose(all, candidates);
    if (log.isDebugEnabled()) {
      logSkipped(all, candidates, picked);
    }
    return picked;
  }

  private void logSkipped(List<Node<Q, R>> all, List<Node<Q, R>> candidates, Node<Q, R> picked) {
    StringJoiner skipped = new StringJoiner(", ");
    for (Node<Q, R> node : all) {
      if (!candidates.contains(node)) {
        skipped.add(node.name() + ": tried by this call");
      } else if (node != picked && !node.isAvailable() && picked.isAvailable()) {
        skipped.add(node.name() + ": " + node.reason());
      }
    }
    if (skipped.length() > 0) {
      log.debug("skipped {}; picked {}", skipped, picked.name());
    }
  }

  /** Picks among the available candidates; if none is available, among all. */
  private Node<Q, R> choose(List<Node<Q, R>> all, List<Node<Q, R>> candidates) {
    // The picker sees the whole list, and picks of other nodes are repeated: a turn on a shorter
    // list is another instance, and with one of four unavailable its neighbour got a ninth of the
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

  /** Returns the nodes not tried yet; if there are none, those that may be tried again. */
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
    for (PeerException refusal :
        refusals) { // A refusal by an instance is more specific than an empty list.
      last = last.kind() == PeerException.Kind.NO_INSTANCE ? refusal : last;
    }
    for (PeerException refusal : refusals) {
      if (refusal != last) { // A limiter may throw the same object each time.
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
          return; // call() reports the empty list.
        }
        TimeUnit.NANOSECONDS.timedWait(arrival, leftNanos);
      }
    }
  }

  private PeerException noInstance(List<Node<Q, R>> all) {
    Exception why = instances.failure().orElse(null);
    if (!all.isEmpty()) {
      return PeerException.noInstance("all instances of " + service + " refused", why);
    }
    String text = closed ? "closed: no instance of " : "no instance of ";
    return PeerException.noInstance(
        text + service + (why == null ? "" : ": " + OutageLog.cause(why)), why);
  }

  /** Updates the nodes to the snapshot, without a lock: several updates may race. */
  private void update() {
    Nodes<Q, R> before;
    Nodes<Q, R> after;
    do {
      before = nodes.get();
      // Taken after "before": the loser of the race below starts again with a newer snapshot.
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

  /** Releases all instances; calls in flight complete. */
  @Override
  public void close() {
    closed = true;
    subscription.close();
    update();
  }

  /** Immutable snapshot of the nodes. */
  private record Nodes<Q, R>(Map<String, Node<Q, R>> byName, List<Node<Q, R>> list) {
    static <Q, R> Nodes<Q, R> none() {
      return new Nodes<>(Map.of(), List.of());
    }

    /**
     * Returns the nodes for {@code instances}: existing ones are kept, missing ones created. A server
     * that has changed to TLS needs another endpoint.
     */
    Nodes<Q, R> with(List<Instance> instances, Logger log) {
      Map<String, Node<Q, R>> wanted = new LinkedHashMap<>();
      for (Instance instance : instances) {
        Node<Q, R> known = byName.get(instance.authority());
        boolean isSame = known != null && known.instance().scheme("").equals(instance.scheme(""));
        wanted.putIfAbsent(instance.authority(), isSame ? known : new Node<>(instance, log));
      }
      return new Nodes<>(wanted, List.copyOf(wanted.values()));
    }
  }
}
