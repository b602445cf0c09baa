// SPDX-License-Identifier: Apache-2.0
package docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A parsed page of the documentation: headings, blocks of code, and prose. */
record Page(String name, List<Heading> headings, List<Block> blocks, List<Line> prose) {
  private static final Pattern HEADING = Pattern.compile("(#+) (.*)");
  private static final Pattern FENCE = Pattern.compile("```(.*)");
  private static final Pattern COMMENT = Pattern.compile("<!-- (.*) -->");
  private static final List<String> TOP = List.of("README.md", "CONTRIBUTING.md", "RATIONALE.md");
  static final String CHINESE = "README.zh-CN.md";

  /** A heading with the number of its section; section 0 is before the first heading. */
  record Heading(int level, String text, int section) {
    /** The anchor that GitHub generates. */
    String anchor() {
      return text.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-');
    }
  }

  /**
   * A block of code.
   *
   * @param line of the opening fence, from 1
   * @param info the type after the fence, such as {@code java}
   * @param comment the comment in the line above, or empty
   */
  record Block(int line, int section, String info, String comment, List<String> text) {}

  /** A line of prose. */
  record Line(int number, String text) {}

  /** The names of all pages. */
  static List<String> names() throws IOException {
    List<String> names = new ArrayList<>(TOP);
    if (Files.exists(root().resolve(CHINESE))) {
      names.add(CHINESE);
    }
    try (Stream<Path> files = Files.list(root().resolve("docs"))) {
      files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".md"))
          .sorted()
          .forEach(name -> names.add("docs/" + name));
    }
    return names;
  }

  static Path root() {
    return Path.of("").toAbsolutePath(); // Where Maven runs tests: the folder of pom.xml.
  }

  static Page read(String name) throws IOException {
    return parse(name, Files.readAllLines(root().resolve(name)));
  }

  static Page parse(String name, List<String> lines) {
    List<Heading> headings = new ArrayList<>();
    List<Block> blocks = new ArrayList<>();
    List<Line> prose = new ArrayList<>();
    int section = 0;
    String before = "";
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      Matcher heading = HEADING.matcher(line);
      Matcher fence = FENCE.matcher(line);
      Matcher comment = COMMENT.matcher(before);
      if (heading.matches()) {
        headings.add(new Heading(heading.group(1).length(), heading.group(2), ++section));
        prose.add(new Line(i + 1, line));
      } else if (fence.matches()) {
        int opened = i + 1;
        List<String> text = new ArrayList<>();
        for (i++; !lines.get(i).equals("```"); i++) { // An open fence fails here.
          text.add(lines.get(i));
        }
        String above = comment.matches() ? comment.group(1) : "";
        blocks.add(new Block(opened, section, fence.group(1), above, text));
      } else {
        prose.add(new Line(i + 1, line));
      }
      before = line;
    }
    return new Page(name, headings, blocks, prose);
  }

  /** The next block, if it is the output of this one. */
  Block outputOf(Block commands) {
    int next = blocks.indexOf(commands) + 1;
    boolean shows = next < blocks.size() && blocks.get(next).info().equals("text");
    return shows && blocks.get(next).section() == commands.section() ? blocks.get(next) : null;
  }

  String at(Block block) {
    return name + ":" + block.line();
  }
}
