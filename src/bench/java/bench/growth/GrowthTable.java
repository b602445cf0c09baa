// SPDX-License-Identifier: Apache-2.0
package bench.growth;

import bench.MarkdownTable;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Turns JMH's JSON into one table: a row for each operation, a column for each size. */
final class GrowthTable {
  /** What is behind the benchmark's names, in the order of the table. */
  private static final Map<String, String> TITLES = new LinkedHashMap<>();

  static {
    TITLES.put("match", "routes: match one");
    TITLES.put(
        "matchTheLastOfRegexesSideBySide",
        "routes, all of them regexes in one place: match the last");
    TITLES.put("register", "routes: register all");
    TITLES.put("pickRoundRobin", "instances: pick, round robin");
    TITLES.put("pickRandom", "instances: pick, random");
    TITLES.put("pickLeastLoaded", "instances: pick, least loaded");
    TITLES.put("count", "series: count one");
    TITLES.put("page", "series: print all");
  }

  private GrowthTable() {}

  public static void main(String... args) throws IOException {
    Map<String, Map<String, Double>> nanos = new LinkedHashMap<>();
    List<String> sizes = new ArrayList<>();
    for (JsonNode result : new ObjectMapper().readTree(Path.of(args[0]).toFile())) {
      String size = result.at("/params/size").asText();
      if (!sizes.contains(size)) {
        sizes.add(size);
      }
      nanos
          .computeIfAbsent(
              result.get("benchmark").asText().replaceAll(".*\\.", ""),
              name -> new LinkedHashMap<>())
          .put(size, median(result));
    }
    List<List<String>> rows = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("how many of them"));
    sizes.forEach(size -> head.add(String.format(Locale.ROOT, "%,d", Integer.valueOf(size))));
    rows.add(head);
    TITLES.forEach(
        (name, title) -> {
          if (nanos.containsKey(name)) {
            List<String> row = new ArrayList<>(List.of(title));
            sizes.forEach(size -> row.add(time(nanos.get(name).get(size))));
            rows.add(row);
          }
        });
    MarkdownTable.print(rows);
  }

  private static double median(JsonNode result) {
    List<Double> all = new ArrayList<>();
    for (JsonNode fork : result.at("/primaryMetric/rawData")) {
      fork.forEach(iteration -> all.add(iteration.asDouble()));
    }
    all.sort(null);
    return all.get(all.size() / 2);
  }

  private static String time(double nanos) {
    if (nanos < 1e3) {
      return String.format(Locale.ROOT, "%.0f ns", nanos);
    }
    return nanos < 1e6
        ? String.format(Locale.ROOT, "%.1f µs", nanos / 1e3)
        : String.format(Locale.ROOT, "%.1f ms", nanos / 1e6);
  }
}
