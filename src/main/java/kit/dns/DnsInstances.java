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
 * Finds the instances of a service in DNS: by SRV records, which name port and host of each, or by the
 * addresses of a name and a port that the caller knows.
 *
 * <pre>{@code
 * Instances instances =
 *     new DnsInstances(DnsInstances.Settings.of("127.0.0.1:8600", "userservice.service.consul"));
 * }</pre>
 *
 * <p><b>DNS is second best.</b> It cannot tell of changes, so a list is up to 5 seconds old, and one
 * that has gone is called for longer; there are no tags. Where Consul or etcd can be asked, ask them.
 *
 * <h2>How it works</h2>
 *
 * <p>One thread asks every 5 seconds; the time that an answer may be kept (TTL) is not shown by the
 * JDK. It asks for SRV alone, then for the address of each target, because a question for several types
 * at once is one for ANY, which servers refuse (RFC 8482). Of the records, those with the lowest
 * priority count (RFC 2782); weights do not. A target without an address is left for the JDK to
 * resolve. One that cannot be called (port 0, a host that {@link Instance} rejects) is left out, with one
 * warning.
 *
 * <p><b>An answer may be a sample.</b> Over UDP, Consul tells of 3 instances, drawn at random, and
 * does not say that there are more. So a round asks again until 4 answers in a row bring nothing new,
 * at most 24 times; what they say is united; and an instance is forgotten when it was in no answer for
 * 3 rounds.
 *
 * <pre>
 *   instances   answers a round   not in a round, though there   forgotten wrongly (of 3 rounds)
 *       3             5                     never                        never
 *      10           ~ 13                  0.7^13 =  1 %                 1 in 1,000,000
 *      30             24                  0.9^24 =  8 %                 1 in 2,000
 * </pre>
 *
 * <p>Above 30, use something else. "No such name" is no sample: it says that nobody is there.
 *
 * <p><b>The last good list stays</b> when the server does not answer. It stays too, for 30 seconds,
 * when nobody is there all at once.
 *
 * <h2>Threads</h2>
 *
 * <p>Safe for any number of threads. {@link #close} ends the thread; it waits for a question on its
 * way, 1.5 seconds at most.
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

  /** Begins to watch. */
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

  /** Where an instance is said to be; of an address, priority and port are given. */
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
      List<Place> answer = settings.port() == 0 ? services() : addresses();
      if (answer.isEmpty()) {
        return seen; // No such name, for now.
      }
      quiet = seen.addAll(answer) ? 0 : quiet + 1;
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
      return List.of(target); // An address; or nothing that can be asked for, which is left out.
    }
    List<String> addresses = server.addresses(target);
    return addresses.isEmpty() ? List.of(target) : addresses;
  }

  /**
   * What to query.
   *
   * @param server where the DNS server listens
   * @param name whose records are looked for; without search domains
   * @param port 0 to ask for SRV; else that of all instances, whose addresses are asked for
   * @param emptyGrace how long the last list is kept when the server says that nobody is left; zero
   *     believes it at once
   */
  public record Settings(Instance server, String name, int port, Duration emptyGrace) {
    // Names are typed by hand: JNDI would take others apart at slashes and quotes.
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

    /** SRV records of a name, with a grace of 30 seconds. */
    public static Settings of(String server, String name) {
      return new Settings(Instance.parse(server), name, 0, Watch.EMPTY_GRACE);
    }

    /** Returns these settings for addresses, with this port. */
    public Settings withPort(int port) {
      return new Settings(server, name, port, emptyGrace);
    }

    /** Returns these settings with another grace. */
    public Settings withEmptyGrace(Duration emptyGrace) {
      return new Settings(server, name, port, emptyGrace);
    }
  }
}
