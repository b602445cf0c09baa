// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import kit.nacos.NacosClient;
import kit.nacos.NacosInstances;

/** Reads the state of the servers, and the instances of all clusters, unhealthy ones included. */
final class NacosInspection implements Inspection {
  private static final Pattern VERSION = Pattern.compile("\"version\"\\s*:\\s*\"([^\"]{1,60})\"");
  private static final Pattern DENIED = Pattern.compile(": (401|403) |: 500 .*(?i:password)");

  private final List<URI> servers;
  private final HttpClient http;
  private final NacosClient client;
  private final Function<String, NacosClient.Service> names;

  NacosInspection(
      List<URI> servers,
      HttpClient http,
      NacosClient client,
      Function<String, NacosClient.Service> names) {
    this.servers = servers;
    this.http = http;
    this.client = client;
    this.names = names;
  }

  @Override
  public List<Server> servers(Clock clock) throws InterruptedException {
    List<Server> found = new ArrayList<>();
    for (URI server : servers) {
      URI state = server.resolve("/nacos/v3/admin/core/state");
      found.add(ServerProbe.get(http, state, Map.of(), VERSION, clock));
    }
    return found;
  }

  @Override
  public Entries entries(String service) throws IOException, InterruptedException {
    List<Entry> entries = new ArrayList<>();
    try {
      client.list(names.apply(service), List.of()).forEach(one -> entries.add(entry(one)));
    } catch (NacosClient.NacosException e) {
      throw ServerProbe.denied(e, DENIED.matcher(e.getMessage()).find());
    }
    return new Entries(entries, false);
  }

  private static Entry entry(NacosClient.Instance one) {
    List<Check> states = new ArrayList<>();
    if (!one.isHealthy()) {
      states.add(new Check("unhealthy: its heartbeats do not arrive", false));
    }
    if (!one.isEnabled()) {
      states.add(new Check("disabled by the operator", false));
    }
    return new Entry(
        one.host() + ":" + one.port() + " in " + one.cluster(),
        one.host(),
        one.port(),
        NacosInstances.tags(one),
        one.metadata(),
        states.isEmpty(),
        states);
  }

  @Override
  public boolean hasHealth() {
    return true;
  }
}
