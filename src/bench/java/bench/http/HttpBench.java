// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Measures servers that answer the same, all of them at once in turn: whatever else the machine does
 * hits all of them alike.
 */
final class HttpBench {
  /** One round of one server. */
  private record Round(Load.Result load, Server.Cost cost) {
    double perCpuSecond() {
      return load.requests() * 1e9 / cost.cpuNanos();
    }

    double bytesPerRequest() {
      return (double) cost.allocatedBytes() / load.requests();
    }
  }

  private HttpBench() {}

  /**
   * Takes the rounds, the seconds of each, a regular expression for the names of those to measure
   * beside the bare handler, and the numbers of connections.
   */
  public static void main(String... args) throws Exception {
    int rounds = Integer.parseInt(args[0]);
    int seconds = Integer.parseInt(args[1]);
    Map<String, Server> servers = new LinkedHashMap<>();
    try {
      for (Candidate candidate : Candidate.matching(args[2])) {
        Server server = Server.start(candidate);
        servers.put(candidate.name(), server);
        Load.run(server.port, 32, 2 * seconds); // The compiler's turn.
      }
      for (int i = 3; i < args.length; i++) {
        int connections = Integer.parseInt(args[i]);
        System.out.printf("%d connections:%n%n", connections);
        print(measure(servers, connections, rounds, seconds));
        System.out.println();
      }
    } finally {
      for (Server server : servers.values()) {
        server.close();
      }
    }
  }

  private static Map<String, List<Round>> measure(
      Map<String, Server> servers, int connections, int rounds, int seconds) throws Exception {
    Map<String, List<Round>> results = new LinkedHashMap<>();
    for (int round = 0; round < rounds; round++) {
      for (Map.Entry<String, Server> entry : servers.entrySet()) {
        Server server = entry.getValue();
        Server.Cost before = server.cost();
        Load.Result load = Load.run(server.port, connections, seconds);
        results
            .computeIfAbsent(entry.getKey(), name -> new ArrayList<>())
            .add(new Round(load, server.cost().minus(before)));
      }
    }
    return results;
  }

  private static void print(Map<String, List<Round>> results) {
    List<Round> bare = results.get(Candidate.BARE);
    List<List<String>> rows = new ArrayList<>();
    rows.add(
        List.of("", "ratio", "requests/s", "ratio by CPU", "requests/CPU-s", "p99", "allocated"));
    results.forEach(
        (name, rounds) -> {
          rows.add(
              List.of(
                  name,
                  text("**%.2f**", ratio(rounds, bare, round -> round.load.perSecond())),
                  text("%.0f", median(rounds, round -> round.load.perSecond())),
                  text("%.2f", ratio(rounds, bare, Round::perCpuSecond)),
                  text("%.0f", median(rounds, Round::perCpuSecond)),
                  text("%.2f ms", median(rounds, round -> round.load.p99Millis())),
                  text("%.0f B", median(rounds, Round::bytesPerRequest))));
        });
    MarkdownTable.print(rows);
  }

  private static String text(String format, double number) {
    return String.format(Locale.ROOT, format, number);
  }

  /** The median over the rounds of how much more one has than the other in the same round. */
  private static double ratio(List<Round> ours, List<Round> theirs, ToDoubleFunction<Round> what) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < ours.size(); i++) {
      ratios.add(what.applyAsDouble(ours.get(i)) / what.applyAsDouble(theirs.get(i)));
    }
    ratios.sort(Comparator.naturalOrder());
    return ratios.get(ratios.size() / 2);
  }

  private static double median(List<Round> rounds, ToDoubleFunction<Round> what) {
    return rounds.stream().mapToDouble(what).sorted().toArray()[rounds.size() / 2];
  }
}
