// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Measures a service, directly and through gateways, all on the same cores. */
final class GatewayBench {
  private static final String DIRECT = "direct";
  private static final String GATEWAY = "`client.jar gateway`";
  private static final int CONNECTIONS = 32;

  private record Round(Load.Result load, double perCpuSecond) {}

  private record Way(Server server, String path) {
    Round run(int seconds) throws Exception {
      Server.Cost before = server.cost();
      Load.Result load = Load.run(server.port, path, CONNECTIONS, seconds);
      long nanos = server.cost().minus(before).cpuNanos();
      return new Round(load, load.requests() / (nanos / 1e9));
    }
  }

  private GatewayBench() {}

  /** Takes the rounds, and the seconds of each. */
  public static void main(String... args) throws Exception {
    int rounds = Integer.parseInt(args[0]);
    int seconds = Integer.parseInt(args[1]);
    Map<String, Way> ways = new LinkedHashMap<>();
    Map<String, List<Round>> results = new LinkedHashMap<>();
    try {
      Server service = Server.start(Candidate.matching("user-service").get(1));
      ways.put(DIRECT, new Way(service, "/user/101"));
      gateways(service.port)
          .forEach((name, gateway) -> ways.put(name, new Way(gateway, "/userservice/user/101")));
      for (Way way : ways.values()) {
        way.run(6 * seconds); // The compiler's turn; there is a lot.
      }
      for (int round = 0; round < rounds; round++) {
        for (Map.Entry<String, Way> way : ways.entrySet()) {
          results
              .computeIfAbsent(way.getKey(), name -> new ArrayList<>())
              .add(way.getValue().run(seconds));
        }
      }
    } finally {
      for (Way way : ways.values()) {
        way.server().close();
      }
    }
    print(results);
  }

  private static Map<String, Server> gateways(int port) throws Exception {
    Map<String, Server> gateways = new LinkedHashMap<>();
    String target = Integer.toString(port);
    gateways.put(
        "the JDK's server and client alone",
        Server.start(
            new Candidate(
                "bare", Candidate.OURS, List.of(BareGateway.class.getName(), "PORT", target))));
    gateways.put(GATEWAY, gateway(target, "jdk"));
    gateways.put("`client.jar gateway --engine kit`", gateway(target, "kit"));
    return gateways;
  }

  private static Server gateway(String target, String engine) throws Exception {
    return Server.start(
        new Candidate(
            "gateway",
            Candidate.OURS,
            List.of(
                "client.Main",
                "gateway",
                "--port",
                "PORT",
                "--engine",
                engine,
                "--services",
                "userservice",
                "--registry",
                "static:127.0.0.1:" + target)));
  }

  private static void print(Map<String, List<Round>> results) {
    List<Round> direct = results.get(DIRECT);
    List<Round> gateway = results.get(GATEWAY);
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("", "ratio", "requests/s", "p99", "per CPU second of the gateway"));
    results.forEach(
        (name, rounds) ->
            rows.add(
                List.of(
                    name,
                    Rounds.text(
                        "**%.2f**", Rounds.ratio(rounds, direct, it -> it.load().perSecond())),
                    Rounds.text("%,.0f", Rounds.median(rounds, it -> it.load().perSecond())),
                    Rounds.text("%.1f ms", Rounds.median(rounds, it -> it.load().p99Millis())),
                    name.equals(DIRECT)
                        ? ""
                        : Rounds.text(
                            "%.2f", Rounds.ratio(rounds, gateway, Round::perCpuSecond)))));
    MarkdownTable.print(rows);
  }
}
