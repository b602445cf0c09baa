// SPDX-License-Identifier: Apache-2.0
package bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Turns what JMH has measured (its JSON, with {@code -prof gc}) into one table: a row for each
 * operation, a column for each library.
 *
 * <p>Times are medians: a mean would include other load of the machine.
 */
final class PartsTable {
  private static final String OURS = "kit";
  private static final List<String> LIBRARIES =
      List.of(OURS, "clock alone", "Guava", "Bucket4j", "resilience4j", "failsafe", "Prometheus");

  /** A measured operation of one library: nanoseconds, and bytes allocated. */
  private record Cost(double nanos, double bytes, boolean isUnsteady) {
    static Cost of(JsonNode result) {
      List<Double> nanos = new ArrayList<>();
      for (JsonNode fork : result.at("/primaryMetric/rawData")) {
        fork.forEach(iteration -> nanos.add(iteration.asDouble()));
      }
      nanos.sort(null);
      double median = nanos.get(nanos.size() / 2);
      double middleHalf = nanos.get(nanos.size() * 3 / 4) - nanos.get(nanos.size() / 4);
      double bytes = result.at("/secondaryMetrics/gc.alloc.rate.norm/score").asDouble();
      return new Cost(median, bytes, middleHalf > median / 4);
    }

    /** The ratio first, if it is to be compared with another. */
    String show(Cost ours) {
      String cost =
          String.format(
              Locale.ROOT, "%s%.1f ns, %.0f B", isUnsteady ? "~" : "", nanos, Math.abs(bytes));
      return this == ours
          ? cost
          : String.format(Locale.ROOT, "**%.2f** (%s)", nanos / ours.nanos, cost);
    }
  }

  private PartsTable() {}

  public static void main(String... args) throws IOException {
    Map<String, Map<String, Cost>> costs = new LinkedHashMap<>();
    Set<String> measured = new HashSet<>();
    for (JsonNode result : new ObjectMapper().readTree(Path.of(args[0]).toFile())) {
      String library = result.at("/params/library").asText(OURS);
      measured.add(library);
      costs
          .computeIfAbsent(operation(result), operation -> new LinkedHashMap<>())
          .put(library, Cost.of(result));
    }
    List<String> libraries = LIBRARIES.stream().filter(measured::contains).toList();
    List<List<String>> rows = new ArrayList<>();
    rows.add(Stream.concat(Stream.of(""), libraries.stream()).toList());
    costs.forEach((operation, byLibrary) -> rows.add(row(operation, byLibrary, libraries)));
    MarkdownTable.print(rows);
    warnIfUnsteady(costs.values().stream().flatMap(row -> row.values().stream()).toList());
  }

  private static void warnIfUnsteady(List<Cost> costs) {
    long unsteady = costs.stream().filter(Cost::isUnsteady).count();
    if (unsteady > 0) {
      System.out.printf(
          "%nUnsteady (~): %d of %d, perhaps because the machine had other work.%n",
          unsteady, costs.size());
    }
  }

  /** Reads "bench.OpenBreakerBenchmark.call" as "open breaker: call", and adds the parameters. */
  private static String operation(JsonNode result) {
    String[] names = result.get("benchmark").asText().split("\\.");
    StringBuilder operation =
        new StringBuilder(words(names[names.length - 2].replace("Benchmark", "")))
            .append(": ")
            .append(words(names[names.length - 1]));
    for (Map.Entry<String, JsonNode> parameter : result.path("params").properties()) {
      if (!parameter.getKey().equals("library")) {
        operation.append(", ").append(parameter.getValue().asText());
      }
    }
    return operation.toString();
  }

  private static String words(String camelCase) {
    return camelCase.replaceAll("(?<=.)(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
  }

  private static List<String> row(
      String operation, Map<String, Cost> byLibrary, List<String> libraries) {
    List<String> row = new ArrayList<>(List.of(operation));
    for (String library : libraries) {
      Cost cost = byLibrary.get(library);
      row.add(cost == null ? "" : cost.show(byLibrary.get(OURS)));
    }
    return row;
  }
}
