// SPDX-License-Identifier: Apache-2.0
package rules;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A class made to be copied, as docs/embedding.md lists it, with the classes that it needs. */
record Part(String name, Path file, List<Path> others, boolean needsJackson) {
  private static final Pattern ROW =
      Pattern.compile("\\| \\[(\\w+)]\\(#(\\w+)\\) \\| `([\\w/.]+)` \\| (.+) \\| (.+) \\|");

  private static final Pattern CLASS = Pattern.compile("`(\\w+)`");

  /** All parts, in the order of the page. */
  static List<Part> all() throws IOException {
    List<Part> parts = new ArrayList<>();
    for (String line : Files.readAllLines(Sources.root().resolve("docs/embedding.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        Path file = Sources.root().resolve("src/main/java").resolve(row.group(3));
        List<Path> others =
            CLASS
                .matcher(row.group(4))
                .results()
                .map(other -> file.resolveSibling(other.group(1) + ".java"))
                .toList();
        boolean needsJackson = row.group(4).startsWith("jackson-databind");
        parts.add(new Part(row.group(1), file, others, needsJackson));
      }
    }
    return parts;
  }

  /** The files to copy. */
  List<Path> files() {
    List<Path> files = new ArrayList<>(others);
    files.add(0, file);
    return files;
  }

  /** The name with its package. */
  String fullName() {
    Path main = Sources.root().resolve("src/main/java");
    return main.relativize(file).toString().replace(".java", "").replaceAll("[/\\\\]", ".");
  }

  /** The jars that a copy of this part needs on its class path. */
  List<Path> jars() {
    return needsJackson ? jackson() : List.of();
  }

  static List<Path> jackson() {
    List<Path> jars = new ArrayList<>();
    for (Class<?> type : List.of(ObjectMapper.class, JsonFactory.class, JsonProperty.class)) {
      jars.add(jarOf(type));
    }
    return jars;
  }

  /** The jar that a class has come from. */
  static Path jarOf(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
