// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import kit.eureka.EurekaClient;
import kit.eureka.EurekaInstances;

/** Reads the applications with instances of any status. Eureka does not report its version. */
final class EurekaInspection implements Inspection {
  private static final Pattern NO_VERSION = Pattern.compile("(?!)");

  private final List<URI> servers;
  private final HttpClient http;
  private final EurekaClient client;

  EurekaInspection(List<URI> servers, HttpClient http, EurekaClient client) {
    this.servers = servers;
    this.http = http;
    this.client = client;
  }

  @Override
  public List<Server> servers(Clock clock) throws InterruptedException {
    List<Server> found = new ArrayList<>();
    for (URI server : servers) {
      URI delta = URI.create(server.toString().replaceFirst("/$", "") + "/apps/delta");
      found.add(ServerProbe.get(http, delta, Map.of(), NO_VERSION, clock));
    }
    return found;
  }

  @Override
  public Entries entries(String service) throws IOException, InterruptedException {
    List<Entry> entries = new ArrayList<>();
    try {
      client.verify(); // A wrong path is 404, as an unknown application is.
      client.app(service).forEach(one -> entries.add(entry(one)));
    } catch (EurekaClient.EurekaException e) {
      throw ServerProbe.denied(e, e.status() == 401 || e.status() == 403);
    }
    return new Entries(entries, false);
  }

  private static Entry entry(EurekaClient.Instance one) {
    return new Entry(
        one.id(),
        one.host(),
        EurekaInstances.port(one),
        EurekaInstances.tags(one),
        EurekaInstances.meta(one),
        one.isUp(),
        List.of(new Check("status " + one.status(), one.isUp())));
  }

  @Override
  public Optional<Set<String>> names() throws IOException, InterruptedException {
    Set<String> names = new TreeSet<>();
    client.apps().forEach(one -> names.add(one.app().toLowerCase(Locale.ROOT)));
    return Optional.of(names);
  }

  @Override
  public boolean hasHealth() {
    return true;
  }
}
