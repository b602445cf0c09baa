// SPDX-License-Identifier: Apache-2.0
package rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each package-info has the purpose of the package, its parts, and its dependencies. */
class PackageInfoTest {
  private static final Path MAIN = Sources.root().resolve("src/main/java");

  static Set<Path> packages() throws IOException {
    Set<Path> folders = new TreeSet<>();
    for (Path file : Sources.in("src/main/java")) {
      folders.add(MAIN.relativize(file.getParent()));
    }
    return folders;
  }

  private static String infoOf(Path folder) throws IOException {
    Path info = MAIN.resolve(folder).resolve("package-info.java");
    assertThat(info).exists();
    return Files.readString(info);
  }

  /** What stands between a mark and the next paragraph. */
  private static String paragraph(String text, String mark) {
    int start = text.indexOf(mark);
    return start < 0 ? "" : text.substring(start).split("\n \\*\n", 2)[0];
  }

  private static String nameOf(Path folder) {
    return folder.toString().replace('/', '.');
  }

  @ParameterizedTest
  @MethodSource("packages")
  void packageNamesItsParts(Path folder) throws Exception {
    String info = infoOf(folder);
    for (Path file : Sources.in("src/main/java/" + folder)) {
      if (file.getParent().equals(MAIN.resolve(folder)) && Sources.isPart(file)) {
        String part = file.getFileName().toString().replace(".java", "");
        String name = nameOf(folder) + "." + part;
        assertThat(paragraph(info, "<p>Part")).contains("{@link " + name + "}");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("packages")
  void packageNamesItsDependencies(Path folder) throws Exception {
    if (!nameOf(folder).equals("kit")) { // That one is the map.
      assertThat(infoOf(folder)).contains("<p>Dependencies: ");
    }
  }

  @Test
  void theMapHasAllPackages() throws Exception {
    List<String> toolkit =
        packages().stream()
            .map(PackageInfoTest::nameOf)
            .filter(name -> name.startsWith("kit"))
            .toList();
    String map = infoOf(Path.of("kit"));

    assertThat(toolkit)
        .allSatisfy(name -> assertThat(map).containsPattern("\n \\*   " + name + " +\\S"));
  }
}
