// SPDX-License-Identifier: Apache-2.0
package rules;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Finds and searches the files that the rules apply to. */
final class Sources {
  private static final String PART_HEADING = "<h2>Copying this class</h2>";

  private Sources() {}

  /** The folder of pom.xml: the working directory, or the nearest one above it. */
  static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("pom.xml"))) {
      folder = folder.getParent();
      if (folder == null) {
        throw new IllegalStateException(
            "no pom.xml here or above: " + Path.of("").toAbsolutePath());
      }
    }
    return folder;
  }

  /** All Java files in a folder of the project and below, sorted; none if there is no folder. */
  static List<Path> in(String folder) throws IOException {
    if (!Files.isDirectory(root().resolve(folder))) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(root().resolve(folder))) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
  }

  /** A part is a class made to be copied: its javadoc has the instructions. */
  static boolean isPart(Path file) throws IOException {
    return Files.readString(file).contains(PART_HEADING);
  }

  /** Each line that the pattern is found in, as {@code file:line: text}. */
  static List<String> linesWith(Pattern pattern, List<Path> files) throws IOException {
    List<String> found = new ArrayList<>();
    for (Path file : files) {
      List<String> lines = Files.readAllLines(file);
      for (int i = 0; i < lines.size(); i++) {
        if (pattern.matcher(lines.get(i)).find()) {
          found.add(root().relativize(file) + ":" + (i + 1) + ": " + lines.get(i).strip());
        }
      }
    }
    return found;
  }
}
