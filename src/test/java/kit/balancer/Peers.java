// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import kit.Context;
import kit.Endpoint;
import kit.discovery.Instance;

/**
 * Makes endpoints that return their instance's name by default, and checks their lifecycle: each is
 * closed at most once, not during a call, and not called afterwards.
 */
final class Peers implements Function<Instance, Endpoint<String, String>> {
  private final List<Peer> made = new CopyOnWriteArrayList<>();
  private final Map<String, Endpoint<String, String>> answers = new ConcurrentHashMap<>();
  private final Queue<String> asked = new ConcurrentLinkedQueue<>();

  @Override
  public Peer apply(Instance instance) {
    Peer peer = new Peer(instance.authority());
    made.add(peer);
    return peer;
  }

  /** What the instance does from now on. */
  void answer(String name, Endpoint<String, String> answer) {
    answers.put(name, answer);
  }

  /** What the instance throws from now on. */
  void fail(String name, Exception failure) {
    answer(
        name,
        (context, request) -> {
          throw failure;
        });
  }

  /** All that were made, in that order. */
  List<Peer> made() {
    return made;
  }

  /** The only one that was made for the instance. */
  Peer made(String name) {
    List<Peer> found = made.stream().filter(peer -> peer.name.equals(name)).toList();
    if (found.size() != 1) {
      throw new AssertionError(found.size() + " endpoints were made for " + name);
    }
    return found.get(0);
  }

  /** Names of the open ones. */
  List<String> open() {
    return made.stream().filter(peer -> peer.closes.get() == 0).map(peer -> peer.name).toList();
  }

  /** Takes the names of those that were called since last time, in that order. */
  List<String> takeAsked() {
    List<String> taken = new ArrayList<>(asked);
    asked.clear();
    return taken;
  }

  final class Peer implements Endpoint<String, String>, AutoCloseable {
    private static final int CLOSED = 1 << 31;

    final AtomicInteger closes = new AtomicInteger();
    final AtomicInteger faults = new AtomicInteger(); // Closed in use, or used when closed.
    final String name;
    private final AtomicInteger calls = new AtomicInteger(); // In flight.

    private Peer(String name) {
      this.name = name;
    }

    @Override
    public String call(Context context, String request) throws Exception {
      asked.add(name);
      if (calls.incrementAndGet() < 0) {
        faults.incrementAndGet();
      }
      try {
        Endpoint<String, String> answer = answers.get(name);
        return answer == null ? name : answer.call(context, request);
      } finally {
        calls.decrementAndGet();
      }
    }

    @Override
    public void close() {
      closes.incrementAndGet();
      if (calls.getAndUpdate(before -> before | CLOSED) != 0) {
        faults.incrementAndGet();
      }
    }

    @Override
    public String toString() {
      return name + " closed " + closes + " times, " + faults + " faults";
    }
  }
}
