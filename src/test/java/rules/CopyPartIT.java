// SPDX-License-Identifier: Apache-2.0
package rules;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** scripts/copy-part copies parts and tests that work in the target project. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class CopyPartIT {
  // JUnit's launcher is there when tests run, and not when they are compiled.
  private static final String RUNNER =
      """
      import java.io.PrintWriter;
      import java.nio.file.Path;
      import java.util.Set;
      import org.junit.platform.engine.discovery.DiscoverySelectors;
      import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
      import org.junit.platform.launcher.core.LauncherFactory;
      import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

      public class Runner {
        public static void main(String[] args) {
          var classes = DiscoverySelectors.selectClasspathRoots(Set.of(Path.of(args[0])));
          var request = LauncherDiscoveryRequestBuilder.request().selectors(classes).build();
          var listener = new SummaryGeneratingListener();
          LauncherFactory.create().execute(request, listener);
          var summary = listener.getSummary();
          summary.printFailuresTo(new PrintWriter(System.out, true), 3);
          System.out.println(summary.getTestsSucceededCount() + " tests have passed");
          System.exit(summary.getTotalFailureCount() == 0 ? 0 : 1);
        }
      }
      """;

  @TempDir private Path project;

  private record Ended(int status, String output) {}

  private Ended run(Path folder, List<String> command) throws Exception {
    Path output = Files.createTempFile(folder, "output", ".txt");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(4, TimeUnit.MINUTES)).as("%s has ended", command).isTrue();
    } finally {
      process.destroyForcibly();
    }
    Ended ended = new Ended(process.exitValue(), Files.readString(output));
    Files.delete(output);
    return ended;
  }

  private Ended copyPart(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Sources.root().resolve("scripts/copy-part").toString());
    command.addAll(List.of(arguments));
    return run(project, command);
  }

  @Test
  void copiesOfAllPartsCompileAndPassTheirTests() throws Exception {
    for (Part part : Part.all()) {
      String to = "com.example." + part.name().toLowerCase(Locale.ROOT);
      Ended ended = copyPart("--tests", part.name(), project.toString(), to);
      assertThat(ended.status()).as(ended.output()).isZero();
    }
    Path runner = project.resolve("src/test/java/Runner.java");
    Files.writeString(runner, RUNNER);
    List<Path> jars = testJars();
    Path classes = project.resolve("classes");
    Path testClasses = project.resolve("test-classes");

    compile(project.resolve("src/main/java"), Part.jackson(), classes);
    List<Path> classPath = new ArrayList<>(jars);
    classPath.add(classes);
    compile(project.resolve("src/test/java"), classPath, testClasses);
    classPath.add(testClasses);
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Ended ended =
        run(
            project,
            List.of(
                java,
                "-XX:TieredStopAtLevel=1",
                "-cp",
                joined(classPath),
                "Runner",
                testClasses.toString()));

    assertThat(ended.status()).as(ended.output()).isZero();
    assertThat(ended.output()).containsPattern("\\d{3} tests have passed");
  }

  private static void compile(Path sources, List<Path> jars, Path classes) throws Exception {
    JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
    StringWriter said = new StringWriter();
    try (StandardJavaFileManager files = javac.getStandardFileManager(null, Locale.ROOT, UTF_8);
        Stream<Path> all = Files.walk(sources)) {
      List<Path> javaFiles = all.filter(file -> file.toString().endsWith(".java")).toList();
      List<String> options =
          List.of(
              "--release",
              "17",
              "-proc:none",
              "-Xlint:all,-serial,-try",
              "-Werror",
              "-cp",
              joined(jars),
              "-d",
              classes.toString());
      boolean compiled =
          javac
              .getTask(
                  said, files, null, options, null, files.getJavaFileObjectsFromPaths(javaFiles))
              .call();
      assertThat(compiled).as(said.toString()).isTrue();
    }
  }

  private static List<Path> testJars() throws Exception {
    List<Path> jars = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      if (entry.endsWith(".jar")) {
        jars.add(Path.of(entry));
      }
    }
    jars.add(Part.jarOf(Class.forName("org.junit.platform.launcher.Launcher")));
    return jars;
  }

  private static String joined(List<Path> paths) {
    return String.join(File.pathSeparator, paths.stream().map(Path::toString).toList());
  }

  @Test
  void copiesOneFileAndPrintsItsPath() throws Exception {
    Ended ended = copyPart("TokenBucket", ".", "com.example.limits");

    assertThat(ended.output()).isEqualTo("./src/main/java/com/example/limits/TokenBucket.java\n");
    assertThat(files()).containsExactly("src/main/java/com/example/limits/TokenBucket.java");
    assertThat(project.resolve("src/main/java/com/example/limits/TokenBucket.java"))
        .content()
        .startsWith("// SPDX-License-Identifier: Apache-2.0\npackage com.example.limits;\n")
        .doesNotContain("kit.");
  }

  @Test
  void secondPartSharesTheHelpersOfTheFirst() throws Exception {
    copyPart("--tests", "TokenBucket", ".", "com.example");

    Ended ended = copyPart("RetryBudget", ".", "com.example", "--tests");

    assertThat(ended.status()).as(ended.output()).isZero();
    assertThat(files())
        .contains(
            "src/test/java/com/example/Race.java",
            "src/test/java/com/example/RetryBudgetTest.java",
            "src/test/java/com/example/TokenBucketTest.java");
  }

  @Test
  void fileThatIsThereAndDiffersIsReplacedOnlyByForce() throws Exception {
    copyPart("--tests", "Backoff", ".", "com.example");
    Path mine = project.resolve("src/test/java/com/example/BackoffTest.java");
    Path gone = project.resolve("src/main/java/com/example/Backoff.java");
    String original = Files.readString(mine);
    Files.writeString(mine, "mine");
    Files.delete(gone);

    Ended refused = copyPart("--tests", "Backoff", ".", "com.example");

    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.output())
        .startsWith("copy-part: ")
        .contains("./src/test/java/com/example/BackoffTest.java", "--force")
        .hasLineCount(1);
    assertThat(mine).hasContent("mine");
    assertThat(gone).as("nothing is copied").doesNotExist();

    assertThat(copyPart("--tests", "--force", "Backoff", ".", "com.example").status()).isZero();
    assertThat(mine).content().isEqualTo(original);
    assertThat(gone).exists();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          TokenBukket . com.example        | 2 | part TokenBukket; parts: Backoff Circuit
          TokenBucket . com.example.       | 2 | package name: com.example. (
          TokenBucket . com/example        | 2 | package name: com/example (
          TokenBucket . ..                 | 2 | package name: .. (
          TokenBucket . com.new.api        | 2 | package name: com.new.api (new is
          TokenBucket .                    | 2 | 3 arguments, PART PROJECT PACKAGE; see --help
          TokenBucket . a b                | 2 | 3 arguments, PART PROJECT PACKAGE; see --help
          --test TokenBucket . com.example | 2 | unknown flag --test; see --help
          TokenBucket missing com.example  | 1 | folder: missing
          """)
  void usageErrorIsReportedAndCopiesNothing(String arguments, int status, String message)
      throws Exception {
    Ended ended = copyPart(arguments.split(" "));

    assertThat(ended.status()).isEqualTo(status);
    assertThat(ended.output()).startsWith("copy-part: ").contains(message);
    assertThat(ended.output().lines()).hasSize(1);
    assertThat(files()).isEmpty();
  }

  @Test
  void helpListsTheParts() throws Exception {
    Ended help = copyPart("--help");

    assertThat(help.status()).isZero();
    for (Part part : Part.all()) {
      assertThat(help.output()).contains("\n  " + part.name() + "\n");
    }
    assertThat(Arrays.stream(help.output().split("\n"))).allMatch(line -> line.length() <= 100);
  }

  private List<String> files() throws Exception {
    try (Stream<Path> all = Files.walk(project)) {
      return all.filter(Files::isRegularFile)
          .map(file -> project.relativize(file).toString())
          .sorted()
          .toList();
    }
  }
}
