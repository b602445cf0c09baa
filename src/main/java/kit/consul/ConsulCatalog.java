// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeType;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Queries Consul's catalogue of everything registered in the data center, healthy or not.
 *
 * <p>To call a service, use {@link ConsulClient#health} or {@link ConsulInstances}: the catalogue
 * also lists instances that have just died.
 *
 * <p>Each method is one HTTP request, with errors as in {@link ConsulClient}. Thread-safe.
 *
 * @see <a href="https://developer.hashicorp.com/consul/api-docs/catalog">Consul: catalog</a>
 */
public final class ConsulCatalog {
  private final ConsulClient consul;

  /** Creates a catalogue that queries through {@code consul}. */
  public ConsulCatalog(ConsulClient consul) {
    this.consul = requireNonNull(consul, "consul");
  }

  /**
   * The services, each with all tags in use, sorted; and the index for a blocking query.
   */
  public record Services(Map<String, List<String>> tagsByName, long index) {}

  /**
   * Returns the services when they have changed after {@code index}, or after {@code atMost}
   * (blocking query). A change of a service's name or tags counts, even if this list stays the
   * same; health does not.
   */
  public Services services(long index, Duration atMost) throws IOException, InterruptedException {
    String target = "/v1/catalog/services?index=" + Long.toUnsignedString(index);
    Duration wait = index == 0 ? Duration.ZERO : atMost;
    var response = consul.get(target + "&wait=" + wait.toMillis() + "ms", wait);
    Map<String, List<String>> tagsByName = new TreeMap<>();
    consul
        .json(response, JsonNodeType.OBJECT)
        .properties()
        .forEach(service -> tagsByName.put(service.getKey(), sorted(service.getValue())));
    return new Services(Collections.unmodifiableMap(tagsByName), consul.index(response));
  }

  private static List<String> sorted(JsonNode texts) {
    List<String> sorted = new ArrayList<>();
    texts.forEach(text -> sorted.add(text.asText()));
    sorted.sort(null);
    return List.copyOf(sorted);
  }

  /** Returns the registered instances of a service that have all {@code tags}. */
  public List<ConsulClient.Service> instances(String name, List<String> tags)
      throws IOException, InterruptedException {
    var query = new ConsulClient.HealthQuery(name, tags, false, false, 0, Duration.ofMillis(1));
    var response = consul.get(query.target("/v1/catalog/service/"), Duration.ZERO);
    List<ConsulClient.Service> services = new ArrayList<>();
    consul.json(response, JsonNodeType.ARRAY).forEach(json -> services.add(service(json)));
    return List.copyOf(services);
  }

  private static ConsulClient.Service service(JsonNode json) {
    String nodeAddress = ConsulClient.text(json, "Address");
    return ConsulClient.service(json, "Service", "ServiceName", nodeAddress);
  }
}
