// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import kit.discovery.Instance;
import kit.discovery.Instances;

/** A list of instances that a test changes; listeners run on the thread of the change. */
class ChangingInstances implements Instances {
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private volatile List<Instance> snapshot = List.of();
  private volatile Exception failure;
  private volatile boolean closed;

  /** Takes duplicates as they are, against the contract of {@link Instances#snapshot}. */
  void set(String... authorities) {
    set(Arrays.stream(authorities).map(Instance::parse).toList());
  }

  void set(List<Instance> instances) {
    snapshot = List.copyOf(instances);
    listeners.forEach(Runnable::run);
  }

  void fail(Exception why) {
    failure = why;
  }

  int listeners() {
    return listeners.size();
  }

  boolean isClosed() {
    return closed;
  }

  @Override
  public List<Instance> snapshot() {
    return snapshot;
  }

  @Override
  public Subscription onChange(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  @Override
  public boolean awaitFirst(Duration patience) {
    throw new UnsupportedOperationException("the balancer has its own wait");
  }

  @Override
  public Optional<Exception> failure() {
    return Optional.ofNullable(failure);
  }

  @Override
  public void close() {
    closed = true;
  }
}
