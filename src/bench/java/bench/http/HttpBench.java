// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
                  Rounds.text(
                      "**%.2f**", Rounds.ratio(rounds, bare, round -> round.load.perSecond())),
                  Rounds.text("%.0f", Rounds.median(rounds, round -> round.load.perSecond())),
                  Rounds.text("%.2f", Rounds.ratio(rounds, bare, Round::perCpuSecond)),
                  Rounds.text("%.0f", Rounds.median(rounds, Round::perCpuSecond)),
                  Rounds.text("%.2f ms", Rounds.median(rounds, round -> round.load.p99Millis())),
                  Rounds.text("%.0f B", Rounds.median(rounds, Round::bytesPerRequest))));
        });
    MarkdownTable.print(rows);
  }
}
