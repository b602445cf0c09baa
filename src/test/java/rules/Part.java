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
import java.util.stream.Stream;

/** A class or a folder made to be copied, as docs/embedding.md lists it, with what it needs. */
record Part(String name, Path file, List<Path> others, boolean needsJackson, boolean isFolder) {
  private static final Pattern ROW =
      Pattern.compile(
          "\\| \\[(\\w+)]\\((#\\w+|\\w+\\.md)\\) \\| `([\\w/.]+)` \\| (.+) \\| (.+) \\|");

  private static final Pattern CLASS = Pattern.compile("`(\\w+)`");

  /** All parts, in the order of the page. */
  static List<Part> all() throws IOException {
    List<Part> parts = new ArrayList<>();
    for (String line : Files.readAllLines(Sources.root().resolve("docs/embedding.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        Path file = Sources.root().resolve("src/main/java").resolve(row.group(3));
        boolean isFolder = row.group(4).equals("its folder");
        List<Path> others = isFolder ? neighbours(file) : named(row.group(4), file);
        boolean needsJackson = row.group(4).startsWith("jackson-databind");
        parts.add(new Part(row.group(1), file, others, needsJackson, isFolder));
      }
    }
    return parts;
  }

  private static List<Path> named(String cell, Path file) {
    return CLASS
        .matcher(cell)
        .results()
        .map(other -> file.resolveSibling(other.group(1) + ".java"))
        .toList();
  }

  private static List<Path> neighbours(Path file) throws IOException {
    try (Stream<Path> all = Files.list(file.getParent())) {
      return all.filter(other -> !other.equals(file) && !other.endsWith("package-info.java"))
          .sorted()
          .toList();
    }
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
