// SPDX-License-Identifier: Apache-2.0
package kit.dns;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import kit.LogSafe;
import kit.discovery.CallableInstances;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Watch;
import kit.discovery.Watched;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Discovers the instances of a service by DNS: SRV records, or A and AAAA records with a configured
 * port.
 *
 * <pre>{@code
 * Instances instances =
 *     new DnsInstances(DnsInstances.Settings.of("127.0.0.1:8600", "userservice.service.consul"));
 * }</pre>
 *
 * <p><b>Prefer Consul or etcd where they are reachable.</b> DNS is polled, so a list is up to 5
 * seconds old; it has no tags and no health of its own.
 *
 * <h2>How it works</h2>
 *
 * <p>One thread queries every 5 seconds; the JDK does not expose the TTL of a record. It queries
 * SRV, then the address of each target, because a query for several types at once is one for ANY,
 * which servers refuse (RFC 8482). Of the records, those with the lowest priority count (RFC 2782);
 * weights do not. A target without an address is left to the JDK to resolve. One that cannot be
 * called (port 0, a host that {@link Instance} rejects) is skipped, with one warning.
 *
 * <p><b>A response may be a sample.</b> Over UDP, Consul returns 3 instances, chosen at random,
 * without a sign that there are more. So a round repeats the query until 4 responses in a row
 * contain nothing new, at most 24 times, and merges them; an instance is removed when it was in no
 * response for 3 rounds.
 *
 * <pre>
 *   instances   queries a round   missed by a round              removed wrongly (3 rounds)
 *       3             5                     never                        never
 *      10           ~ 13                  0.7^13 =  1 %                 1 in 1,000,000
 *      30             24                  0.9^24 =  8 %                 1 in 2,000
 * </pre>
 *
 * <p>Above 30 instances, use another registry. "No such name" is not a sample: the list is empty.
 *
 * <p><b>The last good list is kept</b> while the server is unreachable. It is also kept, for 30
 * seconds, when the list becomes empty.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. {@link #close} ends the thread; it waits for a query in flight, at most 1.5
 * seconds.
 */
public final class DnsInstances extends Watched<List<Instance>> implements Instances {
  private static final Duration REFRESH = Duration.ofSeconds(5);
  private static final int MAX_QUERIES = 24;
  private static final int QUIET_QUERIES = 4;
  private static final int ROUNDS_TO_FORGET = 3;

  private final Logger log;
  private final Settings settings;
  private final Watch.Timing timing;
  private final DnsServer server;
  private final Watch<List<Instance>> watch;

  // Confined to the thread of the watch.
  private final Map<Place, Integer> roundsUnseen = new HashMap<>();
  private final CallableInstances callable;

  /** Starts to watch. */
  public DnsInstances(Settings settings) {
    this(settings, Watch.Timing.real(), LoggerFactory.getLogger(DnsInstances.class));
  }

  DnsInstances(Settings settings, Watch.Timing timing, Logger log) {
    this.log = log;
    this.settings = requireNonNull(settings, "settings");
    this.callable = new CallableInstances(settings.name(), log);
    this.timing = timing;
    this.server = new DnsServer(settings.server().authority());
    this.watch =
        new Watch<>(
            Watch.Subject.instances(settings.name(), server.toString(), settings.emptyGrace()),
            this::ask,
            log,
            timing);
  }

  @Override
  protected Watch<List<Instance>> watch() {
    return watch;
  }

  /**
   * The location of an instance in a record; for address records, priority and port are constant.
   */
  private record Place(int priority, int port, String host) {}

  private void ask(Watch<List<Instance>> watch) throws IOException, InterruptedException {
    Set<Place> seen = round();
    if (seen.isEmpty()) {
      roundsUnseen.clear();
    }
    roundsUnseen.replaceAll((place, rounds) -> rounds + 1);
    seen.forEach(place -> roundsUnseen.put(place, 0));
    roundsUnseen.values().removeIf(rounds -> rounds >= ROUNDS_TO_FORGET);
    watch.publish(instances());
    timing.sleeper().sleep(watch.waitFor(REFRESH).toNanos());
  }

  private Set<Place> round() throws IOException, InterruptedException {
    Set<Place> seen = new LinkedHashSet<>();
    int quiet = 0;
    for (int query = 0; query < MAX_QUERIES && quiet < QUIET_QUERIES; query++) {
      List<Place> response = settings.port() == 0 ? services() : addresses();
      if (response.isEmpty()) {
        return seen; // No such name, for now.
      }
      quiet = seen.addAll(response) ? 0 : quiet + 1;
    }
    return seen;
  }

  private List<Place> services() throws IOException, InterruptedException {
    List<Place> places = new ArrayList<>();
    for (String record : server.records(settings.name(), "SRV")) {
      String[] fields = record.split(" ", 4); // Priority, weight, port, target.
      String target = fields[3].replaceFirst("\\.$", "");
      places.add(new Place(Integer.parseInt(fields[0]), Integer.parseInt(fields[2]), target));
    }
    return places;
  }

  private List<Place> addresses() throws IOException, InterruptedException {
    return server.addresses(settings.name()).stream()
        .map(address -> new Place(0, settings.port(), address))
        .toList();
  }

  private List<Instance> instances() throws IOException, InterruptedException {
    Map<String, List<String>> addresses = new HashMap<>();
    List<Place> resolved = new ArrayList<>();
    int lowest = roundsUnseen.keySet().stream().mapToInt(Place::priority).min().orElse(0);
    for (Place place : roundsUnseen.keySet()) {
      if (place.priority() == lowest) {
        if (!addresses.containsKey(place.host())) {
          addresses.put(place.host(), resolved(place.host()));
        }
        for (String address : addresses.get(place.host())) {
          resolved.add(new Place(lowest, place.port(), address));
        }
      }
    }
    return callable.of(resolved, Place::host, place -> Instance.of(place.host(), place.port()));
  }

  private List<String> resolved(String target) throws IOException, InterruptedException {
    if (settings.port() != 0 || !Settings.NAME.matcher(target).matches()) {
      return List.of(target); // An address; or an invalid name, which is skipped.
    }
    List<String> addresses = server.addresses(target);
    return addresses.isEmpty() ? List.of(target) : addresses;
  }

  /**
   * The server and the name to query.
   *
   * @param server the address of the DNS server
   * @param name the name to query, without search domains
   * @param port 0 to query SRV records; else the port of all instances, and A and AAAA records are
   *     queried
   * @param emptyGrace how long the last list is kept after the list became empty; zero publishes
   *     the empty list at once
   */
  public record Settings(Instance server, String name, int port, Duration emptyGrace) {
    // JNDI would parse slashes and quotes in a name.
    private static final Pattern NAME = Pattern.compile("([\\w-]{1,63}\\.){0,126}[\\w-]{1,63}\\.?");

    /** Checks the ranges. */
    public Settings {
      requireNonNull(server, "server");
      if (!NAME.matcher(name).matches()) {
        throw new IllegalArgumentException("not a DNS name: " + LogSafe.of(name));
      }
      if (port < 0 || port > 65_535) {
        throw new IllegalArgumentException("port not in 0..65535: " + port);
      }
      requireNonNull(emptyGrace, "emptyGrace");
    }

    /** Returns settings for SRV records, with a grace period of 30 seconds. */
    public static Settings of(String server, String name) {
      return new Settings(Instance.parse(server), name, 0, Watch.EMPTY_GRACE);
    }

    /** Returns these settings for address records, with the port of all instances. */
    public Settings withPort(int port) {
      return new Settings(server, name, port, emptyGrace);
    }

    /** Returns these settings with another grace period. */
    public Settings withEmptyGrace(Duration emptyGrace) {
      return new Settings(server, name, port, emptyGrace);
    }
  }
}
