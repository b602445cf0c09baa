// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import kit.consul.ConsulCatalog;
import kit.consul.ConsulClient;

/** Reads the agent, the health of all instances with the output of their checks, and the catalogue. */
final class ConsulInspection implements Inspection {
  private static final Pattern VERSION = Pattern.compile("\"Version\"\\s*:\\s*\"([^\"]{1,60})\"");

  private final URI base;
  private final String token;
  private final HttpClient http;
  private final ConsulClient client;

  ConsulInspection(URI base, String token, HttpClient http, ConsulClient client) {
    this.base = base;
    this.token = token;
    this.http = http;
    this.client = client;
  }

  @Override
  public List<Server> servers(Clock clock) throws InterruptedException {
    Map<String, String> headers = token.isEmpty() ? Map.of() : Map.of("X-Consul-Token", token);
    URI self = base.resolve("/v1/agent/self");
    return List.of(ServerProbe.get(http, self, headers, VERSION, clock));
  }

  @Override
  public Entries entries(String service) throws IOException, InterruptedException {
    ConsulClient.Health health;
    try {
      health =
          client.health(
              new ConsulClient.HealthQuery(
                  service, List.of(), false, false, 0, Duration.ofMillis(1)));
    } catch (ConsulClient.ConsulException e) {
      throw ServerProbe.denied(e, e.status() == 401 || e.status() == 403);
    }
    List<Entry> entries = new ArrayList<>();
    health.entries().forEach(entry -> entries.add(entry(entry)));
    return new Entries(entries, health.filteredByAcl());
  }

  private static Entry entry(ConsulClient.Entry entry) {
    ConsulClient.Service service = entry.service();
    return new Entry(
        service.id() + " on " + entry.node(),
        service.host(),
        service.port(),
        service.tags(),
        service.meta(),
        entry.status() == ConsulClient.Status.PASSING,
        entry.checks().stream().map(ConsulInspection::check).toList());
  }

  private static Check check(ConsulClient.Result check) {
    String status = check.status().name().toLowerCase(Locale.ROOT);
    String output = check.output().isBlank() ? "no output" : check.output().strip();
    return new Check(
        check.checkId() + " is " + status + ": " + output,
        check.status() == ConsulClient.Status.PASSING);
  }

  @Override
  public Optional<Set<String>> names() throws IOException, InterruptedException {
    return Optional.of(new ConsulCatalog(client).services(0, Duration.ZERO).tagsByName().keySet());
  }

  @Override
  public boolean hasHealth() {
    return true;
  }
}
