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

/** The documentation says what the code says. That its commands work is shown by {@link DocsIT}. */
class DocsTest {
  private static final Set<String> LANGUAGES =
      Set.of("sh", "sh terminal", "text", "text terminal", "java", "yaml", "json", "hcl");
  // Names of Go's and of HTTP's that look like names of ours.
  private static final Set<String> OTHERS =
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
  void quotesAreWhatIsCompiled(String name) throws Exception {
    String page = Files.readString(Page.root().resolve(name));

    assertThat(page)
        .as("%s; scripts/docs copies quotes from the code again", name)
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
  void blocksSayWhatTheyAre(String name) throws Exception {
    Page page = Page.read(name);

    assertThat(page.blocks())
        .filteredOn(block -> !LANGUAGES.contains(block.info()))
        .extracting(page::at)
        .as("blocks that are none of " + LANGUAGES)
        .isEmpty();
  }

  @ParameterizedTest
  @MethodSource("pages")
  void commandsStandInBlocksOfCommands(String name) throws Exception {
    Page page = Page.read(name);

    assertThat(page.blocks())
        .filteredOn(block -> !Commands.isCommands(block))
        .filteredOn(block -> block.text().stream().anyMatch(DocsTest::looksLikeACommand))
        .extracting(page::at)
        .as("commands in blocks that nobody runs")
        .isEmpty();
  }

  private static boolean looksLikeACommand(String line) {
    return LOOKS_LIKE_A_COMMAND.matcher(line).matches();
  }

  @Test
  void commandsThatAreNotRunAreThere() throws Exception {
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
  void linksLeadSomewhere(String name) throws Exception {
    Page page = Page.read(name);
    List<String> broken = new ArrayList<>();
    for (Page.Line line : page.prose()) {
      Matcher link = LINK.matcher(line.text());
      while (link.find()) {
        if (!link.group(1).matches("https?://.*") && !leads(name, link.group(1))) {
          broken.add(name + ":" + line.number() + ": " + link.group(1));
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  private static boolean leads(String from, String link) throws IOException {
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
  void whatIsNamedIsThere(String name) throws Exception {
    Page page = Page.read(name);
    Names names = new Names();
    List<String> unknown = new ArrayList<>();
    for (Page.Line line : page.prose()) {
      Matcher span = SPAN.matcher(line.text());
      while (span.find()) {
        names
            .unknownIn(span.group(1), OTHERS)
            .forEach(what -> unknown.add(name + ":" + line.number() + ": " + what));
      }
    }
    for (Page.Block block : page.blocks()) {
      if (Commands.isCommands(block)) {
        block.text().stream()
            .flatMap(line -> names.unknownIn(line, OTHERS).stream())
            .forEach(what -> unknown.add(page.at(block) + ": " + what));
      }
    }
    assertThat(unknown).isEmpty();
  }

  @Test
  void theChineseReadmeHasTheSameSectionsAndTheSameCode() throws Exception {
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
