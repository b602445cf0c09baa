// SPDX-License-Identifier: Apache-2.0
package docs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Compares the documentation with the code. {@link DocsIT} runs its commands. */
class DocsTest {
  private static final Set<String> LANGUAGES =
      Set.of("sh", "sh terminal", "text", "text terminal", "java", "yaml", "json", "hcl");
  // Names from Go and HTTP that look like names of this project.
  private static final Set<String> NOT_OURS =
      Set.of(
          "AgentServiceCheck",
          "Allow",
          "Authorization",
          "Catalog().Service",
          "ConfigureCommand",
          "Failer",
          "Go",
          "With",
          "WithPrefix");
  private static final String TOUR = "docs/tour.md"; // Quotes eleven programs.
  private static final int MAX_LINES = 400;
  private static final int MAX_LINES_OF_DOCS = 2_468;

  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern SPAN = Pattern.compile("`([^`]+)`");
  private static final Pattern LOOKS_LIKE_A_COMMAND =
      Pattern.compile("(\\$ )?(java -|curl |mvn |scripts/|openssl |jq ).*");

  @TempDir private Path folder;

  static List<String> pages() throws IOException {
    return Page.names();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void quotesEqualTheSources(String name) throws Exception {
    String page = Files.readString(Page.root().resolve(name));

    assertThat(page)
        .as("%s; scripts/docs updates the quotes", name)
        .isEqualTo(Quotes.renewed(page, Page.root()));
  }

  @ParameterizedTest
  @MethodSource("pages")
  void javaIsQuoted(String name) throws Exception {
    Page page = Page.read(name);

    assertThat(page.blocks())
        .filteredOn(block -> block.info().equals("java") && !block.comment().startsWith("from: "))
        .extracting(page::at)
        .isEmpty();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void blocksHaveAKnownType(String name) throws Exception {
    Page page = Page.read(name);

    assertThat(page.blocks())
        .filteredOn(block -> !LANGUAGES.contains(block.info()))
        .extracting(page::at)
        .as("blocks with a type other than " + LANGUAGES)
        .isEmpty();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void commandsAreInBlocksOfCommands(String name) throws Exception {
    Page page = Page.read(name);

    assertThat(page.blocks())
        .filteredOn(block -> !Commands.isCommands(block))
        .filteredOn(block -> block.text().stream().anyMatch(DocsTest::looksLikeACommand))
        .extracting(page::at)
        .as("commands in blocks that are not run")
        .isEmpty();
  }

  private static boolean looksLikeACommand(String line) {
    return LOOKS_LIKE_A_COMMAND.matcher(line).matches();
  }

  @Test
  void commandsThatAreNotRunExist() throws Exception {
    Set<String> commands = new TreeSet<>();
    for (String name : Page.names()) {
      Page.read(name).blocks().stream()
          .filter(Commands::isCommands)
          .flatMap(block -> Commands.of(block).stream())
          .forEach(command -> commands.add(command.text()));
    }
    assertThat(Commands.NOT_RUN.keySet())
        .allSatisfy(regex -> assertThat(commands).anyMatch(command -> command.matches(regex)));
  }

  @ParameterizedTest
  @MethodSource("pages")
  void linksHaveATarget(String name) throws Exception {
    Page page = Page.read(name);
    List<String> broken = new ArrayList<>();
    for (Page.Line line : page.prose()) {
      Matcher link = LINK.matcher(line.text());
      while (link.find()) {
        if (!link.group(1).matches("https?://.*") && !hasTarget(name, link.group(1))) {
          broken.add(name + ":" + line.number() + ": " + link.group(1));
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  private static boolean hasTarget(String from, String link) throws IOException {
    int hash = link.indexOf('#');
    String file = hash < 0 ? link : link.substring(0, hash);
    Path base = Page.root().resolve(from);
    Path target = file.isEmpty() ? base : base.resolveSibling(file).normalize();
    if (hash < 0 || !Files.exists(target)) {
      return Files.exists(target);
    }
    String anchor = link.substring(hash + 1);
    return Page.read(Page.root().relativize(target).toString()).headings().stream()
        .anyMatch(heading -> heading.anchor().equals(anchor));
  }

  @ParameterizedTest
  @MethodSource("pages")
  void namesExist(String name) throws Exception {
    Page page = Page.read(name);
    Names names = new Names();
    List<String> unknown = new ArrayList<>();
    for (Page.Line line : page.prose()) {
      Matcher span = SPAN.matcher(line.text());
      while (span.find()) {
        names
            .unknownIn(span.group(1), NOT_OURS)
            .forEach(what -> unknown.add(name + ":" + line.number() + ": " + what));
      }
    }
    for (Page.Block block : page.blocks()) {
      if (Commands.isCommands(block)) {
        block.text().stream()
            .flatMap(line -> names.unknownIn(line, NOT_OURS).stream())
            .forEach(what -> unknown.add(page.at(block) + ": " + what));
      }
    }
    assertThat(unknown).isEmpty();
  }

  @Test
  void pagesAreShort() throws Exception {
    int all = 0;
    for (String name : Page.names()) {
      int lines = Files.readAllLines(Page.root().resolve(name)).size();
      if (!name.equals(TOUR)) {
        assertThat(lines).as(name).isLessThanOrEqualTo(MAX_LINES);
        all += name.startsWith("docs/") ? lines : 0;
      }
    }
    assertThat(all).as("all pages in docs but the tour").isLessThanOrEqualTo(MAX_LINES_OF_DOCS);
  }

  @Test
  void chineseReadmeHasTheSameSectionsAndTheSameCode() throws Exception {
    String chinese = Page.CHINESE;
    assumeTrue(Page.names().contains(chinese), "not translated");
    Page original = Page.read("README.md");
    Page translated = Page.read(chinese);

    assertThat(translated.headings().stream().map(Page.Heading::level))
        .containsExactlyElementsOf(original.headings().stream().map(Page.Heading::level).toList());
    assertThat(code(translated)).containsExactlyElementsOf(code(original));
  }

  private static List<String> code(Page page) {
    return page.blocks().stream()
        .map(block -> block.section() + " " + block.info() + "\n" + String.join("\n", block.text()))
        .toList();
  }
}
