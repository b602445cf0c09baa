// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kit.discovery.Instances;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches which services there are in Consul, each with the tags in use: for a gateway, or for people.
 *
 * <p>A service is in the list as long as one instance is registered, healthy or not. The last list
 * stays when Consul does not answer. One that has restarted without its data lists few services until
 * they have registered again: do not throw away what belongs to a service at once.
 *
 * <p>Works as {@link ConsulInstances}: one thread, with a blocking query. Safe for any number of
 * threads.
 */
public final class ConsulServices implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ConsulServices.class);

  private final ConsulCatalog catalog;
  private final ConsulWatch<Map<String, List<String>>> watch;

  /** Watches the services of Consul's data center. */
  public ConsulServices(ConsulClient consul) {
    this.catalog = new ConsulCatalog(requireNonNull(consul, "consul"));
    this.watch =
        new ConsulWatch<>(
            "services",
            consul.toString(),
            Map.of(),
            this::ask,
            ConsulWatch.Grace.none(),
            log,
            ConsulWatch.Timing.real());
  }

  private ConsulWatch.Answer<Map<String, List<String>>> ask(long index, Duration atMost)
      throws IOException, InterruptedException {
    ConsulCatalog.Services services = catalog.services(index, atMost);
    return new ConsulWatch.Answer<>(services.tagsByName(), services.index());
  }

  /** Returns the tags by name of service, both sorted, without waiting; see {@link Instances}. */
  public Map<String, List<String>> snapshot() {
    return watch.snapshot();
  }

  /** Has {@code listener} called after each change, as {@link Instances#onChange} does. */
  public Instances.Subscription onChange(Runnable listener) {
    return watch.onChange(listener);
  }

  /** Waits for the first answer; returns whether there was one. */
  public boolean awaitFirst(Duration patience) throws InterruptedException {
    return watch.awaitFirst(patience);
  }

  /** Returns why the snapshot may be out of date, or empty if Consul answers. */
  public Optional<Exception> failure() {
    return watch.failure();
  }

  /** Stops watching. The last snapshot stays. */
  @Override
  public void close() {
    watch.close();
  }
}
