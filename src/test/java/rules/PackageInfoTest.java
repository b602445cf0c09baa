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

/** Each package says what it is for, which of its classes are parts, and where it stands. */
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
        assertThat(info).containsPattern("Parts?: [^.]*(\\.[^.]+)*\\b" + part + "}");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("packages")
  void packageSaysWhereItStands(Path folder) throws Exception {
    if (!nameOf(folder).equals("kit")) { // That one is the map.
      assertThat(infoOf(folder)).contains("<p>In the map: ");
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
