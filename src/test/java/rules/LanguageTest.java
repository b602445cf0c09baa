// SPDX-License-Identifier: Apache-2.0
package rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sentences name their actors: the client, the caller, the operator. CONTRIBUTING.md has the terms. */
class LanguageTest {
  private static final List<String> CHECKED =
      List.of(
          "src/main",
          "src/test/java",
          "src/bench/java",
          "scripts",
          "docs",
          "README.md",
          "RATIONALE.md",
          "CONTRIBUTING.md",
          "CHANGELOG.md");

  private static final String THIS_FILE = "src/test/java/rules/LanguageTest.java"; // Has the words.

  private static final String JDK_METHOD = "noBody()"; // Of HttpRequest.BodyPublishers.

  private static final Pattern WITHOUT_ACTOR =
      Pattern.compile(
          "\\b(who|whom|whoever|whomever|somebody|nobody|anybody|everybody)\\b",
          Pattern.CASE_INSENSITIVE);

  /** A phrase that may have one of the words. */
  private record Permitted(String file, String phrase) {}

  private static final List<Permitted> EXCEPTIONS =
      List.of(
          new Permitted("CONTRIBUTING.md", "| who, whom, somebody, nobody, others, us |"),
          new Permitted("src/test/java/testing/HelpPage.java", "(who|whom|whoever|"));

  @Test
  void sentencesNameTheirActors() throws IOException {
    assertThat(found()).isEmpty();
  }

  @Test
  void exceptionsAreNeeded() throws IOException {
    for (Permitted exception : EXCEPTIONS) {
      assertThat(Sources.root().resolve(exception.file()))
          .content()
          .containsOnlyOnce(exception.phrase());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"--port N  Who calls this", "# nobody", "whoever has the tag", "for somebody."})
  void wordsAreFoundInAnyPlace(String line) {
    assertThat(WITHOUT_ACTOR.matcher(line).find()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a service whose instances", "a whole body", "ofNobody()"})
  void otherWordsArePermitted(String line) {
    assertThat(WITHOUT_ACTOR.matcher(line).find()).isFalse();
  }

  private static List<String> found() throws IOException {
    List<String> found = new ArrayList<>();
    for (String place : CHECKED) {
      for (Path file : filesIn(Sources.root().resolve(place))) {
        String name = Sources.root().relativize(file).toString();
        if (name.equals(THIS_FILE)) {
          continue;
        }
        List<String> lines = Files.readAllLines(file);
        for (int i = 0; i < lines.size(); i++) {
          Matcher word = WITHOUT_ACTOR.matcher(withoutExceptions(name, lines.get(i)));
          if (word.find()) {
            found.add("%s:%d: \"%s\" in: %s".formatted(name, i + 1, word.group(), lines.get(i)));
          }
        }
      }
    }
    return found;
  }

  private static String withoutExceptions(String file, String line) {
    String rest = line.replace(JDK_METHOD, "");
    for (Permitted exception : EXCEPTIONS) {
      if (exception.file().equals(file)) {
        rest = rest.replace(exception.phrase(), "");
      }
    }
    return rest;
  }

  private static List<Path> filesIn(Path place) throws IOException {
    try (Stream<Path> files = Files.walk(place)) {
      List<Path> all = files.filter(Files::isRegularFile).sorted().toList();
      assertThat(all).as(place.toString()).isNotEmpty();
      return all;
    }
  }
}
