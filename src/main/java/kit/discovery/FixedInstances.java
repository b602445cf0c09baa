// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Constant list of instances; see {@link Instances#fixed}. */
final class FixedInstances implements Instances {
  private final List<Instance> instances;

  FixedInstances(List<Instance> instances) {
    Map<String, Instance> distinct = new LinkedHashMap<>();
    instances.forEach(instance -> distinct.putIfAbsent(instance.authority(), instance));
    this.instances = List.copyOf(distinct.values());
  }

  @Override
  public List<Instance> snapshot() {
    return instances;
  }

  @Override
  public boolean awaitFirst(Duration patience) {
    return true;
  }

  @Override
  public Subscription onChange(Runnable listener) {
    return () -> {};
  }
}
