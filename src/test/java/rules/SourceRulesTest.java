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

/** What no compiler or formatter looks at. */
class SourceRulesTest {
  private static final String LICENSE = "// SPDX-License-Identifier: Apache-2.0";

  // Parts may be longer, see CopyTest: they carry all they need in one file.
  private static final int MAX_LINES = 320;

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
  void classesThatAreNotPartsAreShort() throws Exception {
    List<String> tooLong = new ArrayList<>();
    for (Path file : Sources.in("src/main/java")) {
      int lines = Files.readAllLines(file).size();
      if (lines > MAX_LINES && !Sources.isPart(file)) {
        tooLong.add(
            Sources.root().relativize(file) + ": " + lines + " lines, at most " + MAX_LINES);
      }
    }
    assertThat(tooLong).isEmpty();
  }

  private static List<Path> all() throws IOException {
    List<Path> files = new ArrayList<>(Sources.in("src/main/java"));
    files.addAll(Sources.in("src/test/java"));
    files.addAll(Sources.in("src/bench/java"));
    assertThat(files).isNotEmpty();
    return files;
  }
}
