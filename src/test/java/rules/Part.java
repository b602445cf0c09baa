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

/** A class made to be copied, as docs/embedding.md lists it. */
record Part(String name, Path file, boolean needsJackson) {
  private static final Pattern ROW =
      Pattern.compile("\\| \\[(\\w+)]\\(#(\\w+)\\) \\| `([\\w/.]+)` \\| (.+) \\| (.+) \\|");

  /** All parts, in the order of the page. */
  static List<Part> all() throws IOException {
    List<Part> parts = new ArrayList<>();
    for (String line : Files.readAllLines(Sources.root().resolve("docs/embedding.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        Path file = Sources.root().resolve("src/main/java").resolve(row.group(3));
        parts.add(new Part(row.group(1), file, row.group(4).startsWith("jackson-databind")));
      }
    }
    return parts;
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
