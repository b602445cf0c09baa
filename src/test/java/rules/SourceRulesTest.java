// SPDX-License-Identifier: Apache-2.0
package rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Rules for sources that neither the compiler nor the formatter checks. */
class SourceRulesTest {
  private static final String LICENSE = "// SPDX-License-Identifier: Apache-2.0";

  private static final int MAX_CODE_LINES = 300; // Of parts too, which carry all they need.

  // At the beginning of a line: elsewhere it may stand in a text, such as "://***@".
  private static final Pattern BLOCK_COMMENT = Pattern.compile("(?ms)^ */\\*.*?\\*/");

  @Test
  void everyFileNamesItsLicense() throws Exception {
    List<Path> without = new ArrayList<>();
    for (Path file : all()) {
      if (!Files.readAllLines(file).get(0).equals(LICENSE)) {
        without.add(Sources.root().relativize(file));
      }
    }
    assertThat(without).isEmpty();
  }

  @Test
  void linesAreIndentedBySpaces() throws Exception {
    assertThat(Sources.linesWith(Pattern.compile("\t"), all())).isEmpty();
  }

  @Test
  void nothingIsLeftForLater() throws Exception {
    assertThat(Sources.linesWith(Pattern.compile("\\b(TO[D]O|FIX[M]E)\\b"), all())).isEmpty();
  }

  @Test
  void wallClockIsNotReadForSpansOfTime() throws Exception {
    Pattern wallClock = Pattern.compile("currentTimeMillis");
    assertThat(Sources.linesWith(wallClock, Sources.in("src/main/java"))).isEmpty();
  }

  @Test
  void classesAreShort() throws Exception {
    List<String> tooLong = new ArrayList<>();
    for (Path file : Sources.in("src/main/java")) {
      long lines = codeLines(Files.readString(file));
      if (lines > MAX_CODE_LINES) {
        tooLong.add(Sources.root().relativize(file) + ": " + lines + " lines of code");
      }
    }
    assertThat(tooLong).isEmpty();
  }

  /** Javadoc, comments and blank lines cost nothing: what explains code must not be cut for space. */
  private static long codeLines(String source) {
    return BLOCK_COMMENT
        .matcher(source)
        .replaceAll("")
        .lines()
        .filter(line -> !line.isBlank() && !line.strip().startsWith("//"))
        .count();
  }

  private static List<Path> all() throws IOException {
    List<Path> files = new ArrayList<>(Sources.in("src/main/java"));
    files.addAll(Sources.in("src/test/java"));
    files.addAll(Sources.in("src/bench/java"));
    assertThat(files).isNotEmpty();
    return files;
  }
}
