// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** Measures the time to the first response, and the memory after 10,000 requests. */
final class StartBench {
  private static final int REQUESTS = 10_000;

  private record Round(double startupMillis, double residentMib) {}

  private StartBench() {}

  /** Takes the rounds, and a regular expression for the names of those to measure. */
  public static void main(String... args) throws Exception {
    Map<String, List<Round>> results = new LinkedHashMap<>();
    HttpClient client = HttpClient.newHttpClient();
    for (int round = 0; round < Integer.parseInt(args[0]); round++) {
      for (Candidate candidate : candidates(args[1])) {
        try (Server server = Server.startAlone(candidate)) {
          HttpRequest request =
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port + "/user/101"))
                  .build();
          for (int i = 0; i < REQUESTS; i++) {
            client.send(request, BodyHandlers.ofByteArray());
          }
          results
              .computeIfAbsent(candidate.name(), name -> new ArrayList<>())
              .add(new Round(server.startup.toNanos() / 1e6, server.residentMib()));
        }
      }
    }
    print(results);
    System.exit(0); // The JDK's client of 17 cannot be closed.
  }

  private static List<Candidate> candidates(String pattern) {
    List<Candidate> candidates = new ArrayList<>(Candidate.matching(pattern));
    candidates.removeIf(one -> one.name().contains("user-service") || one.name().contains(","));
    candidates.add(new Candidate("user-service.jar", "", jar()));
    if (Runtime.version().feature() >= 19) { // Which writes the archive by itself.
      String archive = "-XX:SharedArchiveFile=target/user-service.jsa";
      candidates.add(
          new Candidate(
              "user-service.jar, class data sharing",
              "",
              jar("-XX:+AutoCreateSharedArchive", archive)));
    }
    return candidates;
  }

  private static List<String> jar(String... jvmArguments) {
    List<String> command = new ArrayList<>(List.of(jvmArguments));
    command.addAll(List.of("-jar", "target/user-service.jar"));
    command.addAll(List.of("--name", "userservice", "--port", "PORT", "--registry", "none"));
    return command;
  }

  private static void print(Map<String, List<Round>> results) {
    List<Round> bare = results.get(Candidate.BARE);
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("", "time", "first response after", "memory", "resident"));
    results.forEach(
        (name, rounds) -> {
          double millis = median(rounds, Round::startupMillis);
          double mib = median(rounds, Round::residentMib);
          rows.add(
              List.of(
                  name,
                  text("**%.2f**", millis / median(bare, Round::startupMillis)),
                  text("%.0f ms", millis),
                  text("**%.2f**", mib / median(bare, Round::residentMib)),
                  text("%.0f MiB", mib)));
        });
    MarkdownTable.print(rows);
  }

  private static String text(String format, double number) {
    return String.format(Locale.ROOT, format, number);
  }

  private static double median(List<Round> rounds, ToDoubleFunction<Round> what) {
    return rounds.stream().mapToDouble(what).sorted().toArray()[rounds.size() / 2];
  }
}
