// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Measures servers that answer the same, one at a time and in turn: whatever else the machine does hits
 * all of them alike. Each has a new process in each round, because one and the same program differs by
 * more from process to process than within one.
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
    List<Integer> connections = Stream.of(args).skip(3).map(Integer::valueOf).toList();
    // For each number of connections, the rounds of each server.
    Map<Integer, Map<String, List<Round>>> results = new LinkedHashMap<>();
    for (int round = 0; round < rounds; round++) {
      for (Candidate candidate : Candidate.matching(args[2])) {
        try (Server server = Server.start(candidate)) {
          Load.run(server.port, 32, 3 * seconds); // The compiler needs as long to be done.
          for (int number : connections) {
            results
                .computeIfAbsent(number, key -> new LinkedHashMap<>())
                .computeIfAbsent(candidate.name(), name -> new ArrayList<>())
                .add(measure(server, number, seconds));
          }
        }
      }
    }
    results.forEach(
        (number, byName) -> {
          System.out.printf("%d connections:%n%n", number);
          print(byName);
          System.out.println();
        });
  }

  private static Round measure(Server server, int connections, int seconds) throws Exception {
    Server.Cost before = server.cost();
    Load.Result load = Load.run(server.port, connections, seconds);
    return new Round(load, server.cost().minus(before));
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
