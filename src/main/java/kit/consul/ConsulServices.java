// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.discovery.Services;
import kit.discovery.Watch;
import kit.discovery.Watched;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the names of all services in Consul, {@code consul} itself among them.
 *
 * <p>Works as {@link ConsulInstances}: one thread with a blocking query; the last list is kept
 * while Consul is unreachable. Thread-safe.
 */
public final class ConsulServices extends Watched<Map<String, List<String>>> implements Services {
  private static final Logger log = LoggerFactory.getLogger(ConsulServices.class);

  private final ConsulCatalog catalog;
  private final Watch<Map<String, List<String>>> watch;

  /** Watches the services of Consul's data center. */
  public ConsulServices(ConsulClient consul) {
    this.catalog = new ConsulCatalog(requireNonNull(consul, "consul"));
    this.watch =
        new Watch<>(
            new Watch.Subject<>(
                "services", consul.toString(), Map.of(), Map::isEmpty, Duration.ZERO),
            new BlockingQuery<>(this::ask),
            log,
            Watch.Timing.real());
  }

  private BlockingQuery.Snapshot<Map<String, List<String>>> ask(long index, Duration atMost)
      throws IOException, InterruptedException {
    ConsulCatalog.Services services = catalog.services(index, atMost);
    return new BlockingQuery.Snapshot<>(services.tagsByName(), services.index());
  }

  @Override
  protected Watch<Map<String, List<String>>> watch() {
    return watch;
  }
}
