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
 * Asks Consul's catalogue what is registered in the whole data center, healthy or not.
 *
 * <p>To call somebody, ask {@link ConsulClient#health} or {@link ConsulInstances}: the catalogue also
 * lists those who died a moment ago.
 *
 * <p>Each method is one HTTP request, with errors as in {@link ConsulClient}. Safe for any number of
 * threads.
 *
 * @see <a href="https://developer.hashicorp.com/consul/api-docs/catalog">Consul: catalog</a>
 */
public final class ConsulCatalog {
  private final ConsulClient consul;

  /** Asks through {@code consul}. */
  public ConsulCatalog(ConsulClient consul) {
    this.consul = requireNonNull(consul, "consul");
  }

  /**
   * Which services there are, each with all tags in use, sorted; and the index to ask for news with.
   */
  public record Services(Map<String, List<String>> tagsByName, long index) {}

  /** Returns the services at the moment, {@code consul} itself among them. */
  public Services services() throws IOException, InterruptedException {
    return services(0, Duration.ZERO);
  }

  /**
   * Returns the services when there is news after {@code index}, or after {@code atMost}. A change of
   * a service's name or tags is news, also one that nobody sees in this list; health is not.
   */
  public Services services(long index, Duration atMost) throws IOException, InterruptedException {
    String target = "/v1/catalog/services?index=" + Long.toUnsignedString(index);
    Duration wait = index == 0 ? Duration.ZERO : atMost;
    var answer = consul.get(target + "&wait=" + wait.toMillis() + "ms", wait);
    Map<String, List<String>> tagsByName = new TreeMap<>();
    consul
        .json(answer, JsonNodeType.OBJECT)
        .properties()
        .forEach(service -> tagsByName.put(service.getKey(), sorted(service.getValue())));
    return new Services(Collections.unmodifiableMap(tagsByName), consul.index(answer));
  }

  private static List<String> sorted(JsonNode texts) {
    List<String> sorted = new ArrayList<>();
    texts.forEach(text -> sorted.add(text.asText()));
    sorted.sort(null);
    return List.copyOf(sorted);
  }

  /** Returns all instances of a service that have all these tags, as they were registered. */
  public List<ConsulClient.Service> instances(String name, List<String> tags)
      throws IOException, InterruptedException {
    var query = new ConsulClient.HealthQuery(name, tags, false, false, 0, Duration.ofMillis(1));
    var answer = consul.get(query.target("/v1/catalog/service/"), Duration.ZERO);
    List<ConsulClient.Service> services = new ArrayList<>();
    consul.json(answer, JsonNodeType.ARRAY).forEach(json -> services.add(service(json)));
    return List.copyOf(services);
  }

  private static ConsulClient.Service service(JsonNode json) {
    String nodeAddress = ConsulClient.text(json, "Address");
    return ConsulClient.service(json, "Service", "ServiceName", nodeAddress);
  }
}
