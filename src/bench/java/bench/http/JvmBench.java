// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Measures the user service with other settings of the JVM, in turn. */
final class JvmBench {
  private static final String DEFAULT = "-Xmx512m";

  /** Each is one setting away from the first. */
  private static final List<String> SETTINGS =
      List.of(
          DEFAULT,
          "-Xmx512m -XX:+UseSerialGC",
          "-Xmx512m -XX:+UseParallelGC",
          "-Xmx512m -XX:+UseZGC",
          "-Xmx256m",
          "-Xmx128m",
          "-Xmx64m",
          "-Xmx64m -XX:+UseSerialGC",
          "-Xmx512m -XX:TieredStopAtLevel=1",
          "-Xmx512m -XX:+UseCompactObjectHeaders",
          "-Xmx512m -Djdk.virtualThreadScheduler.parallelism=1",
          "-Xmx512m -Djdk.virtualThreadScheduler.parallelism=4");

  private record Round(Load.Result load, double perCpuSecond, double residentMib) {}

  private JvmBench() {}

  /** Takes the rounds and the seconds of each. */
  public static void main(String... args) throws Exception {
    int rounds = Integer.parseInt(args[0]);
    int seconds = Integer.parseInt(args[1]);
    Map<String, Server> servers = new LinkedHashMap<>();
    Map<String, List<Round>> results = new LinkedHashMap<>();
    try {
      for (String settings : SETTINGS) {
        if (Runtime.version().feature() >= 25 || !settings.matches(".*(virtual|Compact).*")) {
          Candidate service = Candidate.matching("user-service").get(1);
          Server server = Server.start(service, List.of(settings.split(" ")));
          servers.put(settings, server);
          Load.run(server.port, 32, 2 * seconds); // The compiler's turn.
        }
      }
      for (int round = 0; round < rounds; round++) {
        for (Map.Entry<String, Server> entry : servers.entrySet()) {
          Server server = entry.getValue();
          long before = server.cost().cpuNanos();
          Load.Result load = Load.run(server.port, 32, seconds);
          double cpuSeconds = (server.cost().cpuNanos() - before) / 1e9;
          results
              .computeIfAbsent(entry.getKey(), name -> new ArrayList<>())
              .add(new Round(load, load.requests() / cpuSeconds, server.residentMib()));
        }
      }
    } finally {
      for (Server server : servers.values()) {
        server.close();
      }
    }
    print(results);
  }

  private static void print(Map<String, List<Round>> results) {
    List<Round> first = results.get(DEFAULT);
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("", "ratio", "requests/s", "ratio by CPU", "p99", "resident"));
    results.forEach(
        (settings, rounds) ->
            rows.add(
                List.of(
                    "`" + settings + "`",
                    Rounds.text(
                        "**%.2f**", Rounds.ratio(rounds, first, round -> round.load.perSecond())),
                    Rounds.text("%,.0f", Rounds.median(rounds, round -> round.load.perSecond())),
                    Rounds.text("%.2f", Rounds.ratio(rounds, first, Round::perCpuSecond)),
                    Rounds.text("%.1f ms", Rounds.median(rounds, round -> round.load.p99Millis())),
                    Rounds.text("%.0f MiB", Rounds.median(rounds, Round::residentMib)))));
    MarkdownTable.print(rows);
  }
}
