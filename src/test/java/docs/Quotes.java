// SPDX-License-Identifier: Apache-2.0
package docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Quotes code from compiled files on the pages. On a page:
 *
 * <pre>
 *   &lt;!-- from: src/test/java/tour/Step1Handler.java handler --&gt;
 *   ```java
 *   ...
 *   ```
 * </pre>
 *
 * <p>In the file, the region is between {@code // docs: handler} and {@code // end of handler}. {@code
 * DocsTest} fails if they differ; {@link #main} ({@code scripts/docs}) updates the pages. Uses the JDK
 * only, so that it can be launched from its source.
 */
final class Quotes {
  private static final Pattern QUOTE =
      Pattern.compile("(<!-- from: (\\S+) (\\S+) -->\n```java\n)(.*?)(?<=\n)```\n", Pattern.DOTALL);

  private Quotes() {}

  /** Rewrites the pages in README.md and docs/ of the working directory. */
  public static void main(String... args) throws IOException {
    Path root = Path.of("");
    List<Path> pages = new ArrayList<>();
    for (Path folder : List.of(root, root.resolve("docs"))) {
      try (Stream<Path> files = Files.list(folder.toAbsolutePath())) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
      }
    }
    for (Path page : pages) {
      String before = Files.readString(page);
      String after = renewed(before, root.toAbsolutePath());
      if (!after.equals(before)) {
        Files.writeString(page, after);
        System.out.println("renewed " + page.getFileName());
      }
    }
  }

  /** Returns the page with updated quotes. */
  static String renewed(String page, Path root) throws IOException {
    Matcher quote = QUOTE.matcher(page);
    StringBuilder renewed = new StringBuilder();
    while (quote.find()) {
      String region = region(root.resolve(quote.group(2)), quote.group(3));
      quote.appendReplacement(renewed, Matcher.quoteReplacement(quote.group(1) + region + "```\n"));
    }
    return quote.appendTail(renewed).toString();
  }

  /** Returns the lines of a region, without common indentation. */
  static String region(Path file, String name) throws IOException {
    if (!Files.exists(file)) {
      throw new IllegalArgumentException("quoted file does not exist: " + file);
    }
    List<String> lines = Files.readAllLines(file);
    List<String> marks = lines.stream().map(String::strip).toList();
    int start = marks.indexOf("// docs: " + name);
    int end = marks.indexOf("// end of " + name);
    if (start < 0 || end < start) {
      throw new IllegalArgumentException("no region \"" + name + "\" in " + file);
    }
    List<String> region = new ArrayList<>(lines.subList(start + 1, end));
    String text = String.join("\n", region).replaceAll("^(\\s*\n)+|\\s+$", "");
    return text.stripIndent() + "\n";
  }
}
