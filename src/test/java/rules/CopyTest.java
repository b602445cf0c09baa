// SPDX-License-Identifier: Apache-2.0
package rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A part can be copied: it compiles alone, or with the classes that the page names. Unlike a check of
 * its imports, this also finds the use of a class in the same package; and without slf4j on the class
 * path, no part can log.
 */
class CopyTest {
  @TempDir private Path scratch;

  static List<Part> parts() throws IOException {
    return Part.all();
  }

  @ParameterizedTest
  @MethodSource("parts")
  void partCompilesAlone(Part part) throws Exception {
    assertThat(problems(part.files(), part.jars())).isEmpty();
  }

  @Test
  void exactlyThePartsHaveCopyInstructions() throws Exception {
    Set<String> saying = new TreeSet<>();
    Path main = Sources.root().resolve("src/main/java");
    for (Path file : Sources.in("src/main/java")) {
      if (Sources.isPart(file)) {
        saying.add(main.relativize(file).toString().replace('\\', '/'));
      }
    }
    List<String> listed = new ArrayList<>();
    for (Part part : Part.all()) {
      if (!part.isFolder()) {
        listed.add(main.relativize(part.file()).toString().replace('\\', '/'));
      }
    }
    assertThat(saying)
        .as("classes with the heading \"Copying this class\", and the list of docs/embedding.md")
        .isNotEmpty()
        .containsExactlyInAnyOrderElementsOf(listed);
  }

  @ParameterizedTest
  @MethodSource("parts")
  void pageHasThePromiseAndAUseOfEachPart(Part part) throws Exception {
    String page = Files.readString(Sources.root().resolve("docs/embedding.md"));
    if (part.isFolder()) {
      assertThat(page).contains("| [" + part.name() + "](" + part.name() + ".md) |");
      assertThat(Sources.root().resolve("docs").resolve(part.name() + ".md"))
          .content()
          .contains("scripts/copy-part " + part.name());
      return;
    }

    assertThat(part.file()).hasFileName(part.name() + ".java");
    assertThat(page)
        .contains("| [" + part.name() + "](#" + part.name().toLowerCase(Locale.ROOT) + ") |")
        .containsOnlyOnce("\n### " + part.name() + "\n")
        .containsOnlyOnce("<!-- from: src/test/java/embedding/Uses.java " + part.name() + " -->");
  }

  @Test
  void classThatNeedsNothingIsAccepted() throws Exception {
    assertThat(problems(write("Alone", "package kit; class Alone {}"), List.of())).isEmpty();
  }

  @Test
  void useOfANeighbourIsRejected() throws Exception {
    write("Neighbour", "package kit; class Neighbour {}");
    Path needy = write("Needy", "package kit; class Needy { Neighbour neighbour; }");

    assertThat(problems(needy, List.of())).singleElement().asString().contains("class Neighbour");
  }

  @Test
  void useOfAnotherPackageOrALoggerIsRejected() throws Exception {
    Path needy = write("Needy", "class Needy { kit.Endpoint<?, ?> one; org.slf4j.Logger two; }");

    assertThat(problems(needy, List.of())).hasSize(2);
    assertThat(problems(needy, Part.jackson())).hasSize(2);
  }

  @Test
  void warningIsRejected() throws Exception {
    Path raw = write("Raw", "class Raw { java.util.List raw; }");

    assertThat(problems(raw, List.of())).first().asString().contains("raw type");
  }

  private List<String> problems(Path file, List<Path> jars) throws IOException {
    return problems(List.of(file), jars);
  }

  /** Returns the compiler's errors for files that have only the JDK and these jars. */
  private List<String> problems(List<Path> sources, List<Path> jars) throws IOException {
    JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    List<String> options =
        List.of("--release", "17", "-proc:none", "-Xlint:all,-serial,-try", "-Werror");
    try (StandardJavaFileManager files =
        javac.getStandardFileManager(found, Locale.ROOT, StandardCharsets.UTF_8)) {
      files.setLocationFromPaths(StandardLocation.CLASS_PATH, jars);
      files.setLocationFromPaths(StandardLocation.SOURCE_PATH, List.of());
      files.setLocationFromPaths(StandardLocation.CLASS_OUTPUT, List.of(scratch));
      boolean compiled =
          javac
              .getTask(
                  null, files, found, options, null, files.getJavaFileObjectsFromPaths(sources))
              .call();
      List<String> problems = new ArrayList<>();
      for (Diagnostic<?> problem : found.getDiagnostics()) {
        String place = sources.get(0).getFileName() + ":" + problem.getLineNumber() + ": ";
        problems.add(place + problem.getMessage(Locale.ROOT));
      }
      return compiled || !problems.isEmpty() ? problems : List.of(sources + " do not compile");
    }
  }

  private Path write(String name, String source) throws IOException {
    return Files.writeString(scratch.resolve(name + ".java"), source);
  }
}
