// SPDX-License-Identifier: Apache-2.0
package rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names on the pages exist, and threads and locks are on the page about concurrency. */
class NamesInDocsTest {
  // `CircuitBreaker`, `kit.PeerException`, `Metrics.Counter`, `TokenBucket.every`
  private static final Pattern NAME =
      Pattern.compile("`((?:[a-z]+\\.)*)([A-Z][A-Za-z]+)((?:\\.[A-Za-z]+)*)(?:\\(\\))?`");

  private static final Pattern THREAD_OR_LOCK =
      Pattern.compile(
          "\\b(synchronized|\\w+Lock\\(|new Thread\\b|Thread\\.(of|start)\\w+|Executors"
              + "|ThreadPoolExecutor|ForkJoinPool)");

  private static String page(String name) throws IOException {
    return Files.readString(Sources.root().resolve("docs").resolve(name));
  }

  private static Map<String, String> classes() throws IOException {
    Map<String, String> sources = new HashMap<>();
    for (String folder : List.of("src/main/java", "src/test/java")) {
      for (Path file : Sources.in(folder)) {
        String name = file.getFileName().toString().replace(".java", "");
        sources.merge(name, Files.readString(file), String::concat);
      }
    }
    return sources;
  }

  /** The text about this project's code: on pages that map Go kit's terms, the middle columns. */
  private static String ours(String page, String line) {
    if (!page.equals("from-go-kit.md") && !page.equals("glossary.md")) {
      return line;
    }
    String[] cells = line.split("\\|", -1);
    return cells.length == 6 ? cells[2] + cells[3] : "";
  }

  @ParameterizedTest
  @ValueSource(strings = {"from-go-kit.md", "concurrency.md", "glossary.md", "embedding.md"})
  void classesAndMethodsThatAPageNamesAreThere(String name) throws IOException {
    Map<String, String> classes = classes();
    String all = String.join("\n", classes.values());
    List<String> missing = new ArrayList<>();
    for (String line : page(name).lines().toList()) {
      Matcher found = NAME.matcher(ours(name, line));
      while (found.find()) {
        String type = found.group(2);
        String source = classes.get(type);
        if (source == null && Pattern.compile("\\b" + type + "\\b").matcher(all).find()) {
          source = all; // Nested, or of the JDK.
        }
        if (source == null || !hasAll(source, found.group(3))) {
          missing.add(found.group());
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  private static boolean hasAll(String source, String members) {
    for (String member : members.split("\\.")) {
      if (!member.isEmpty() && !Pattern.compile("\\b" + member + "\\b").matcher(source).find()) {
        return false;
      }
    }
    return true;
  }

  @Test
  void everyClassWithAThreadOrALockIsOnThePageAboutConcurrency() throws IOException {
    String page = page("concurrency.md");
    List<String> missing = new ArrayList<>();
    for (Path file : Sources.in("src/main/java")) {
      String name = file.getFileName().toString().replace(".java", "");
      boolean has =
          Files.readAllLines(file).stream()
              .filter(line -> !line.startsWith("import ") && !line.strip().startsWith("*"))
              .map(line -> line.replaceFirst("//.*", ""))
              .anyMatch(line -> THREAD_OR_LOCK.matcher(line).find());
      if (has && !page.contains("`" + name + "`")) {
        missing.add(name);
      }
    }
    assertThat(missing).isEmpty();
  }
}
