// SPDX-License-Identifier: Apache-2.0
package docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import testing.LocalServers;

/** Runs all commands of the documentation and compares their output: see {@link Commands}. */
@Timeout(300)
class DocsIT {
  private static final List<String> COPIED =
      List.of("pom.xml", "scripts", "docs", "src/main", "src/assembly", "src/test");
  private static final List<String> JARS = List.of("kit.jar", "user-service.jar", "client.jar");

  @TempDir private Path outside;
  private Path scratch;

  static List<String> pages() throws IOException {
    // The Chinese page has the same commands as README.md: see DocsTest.
    return Page.names().stream()
        .filter(name -> !name.equals(Page.CHINESE) && hasCommands(name))
        .toList();
  }

  private static boolean hasCommands(String name) {
    try {
      return Page.read(name).blocks().stream().anyMatch(Commands::isCommands);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void commandsPrintWhatThePageShows(String name) throws Exception {
    Page page = Page.read(name);
    copyProject();
    List<String> tools = new ArrayList<>();
    if (showsConsul(page)) {
      tools.add(Path.of(LocalServers.binary("consul")).getParent().toString());
    }
    try (Walk walk = new Walk(page, scratch, tools)) {
      walk.run();
    }
  }

  private static boolean showsConsul(Page page) {
    return page.blocks().stream()
        .anyMatch(block -> block.text().stream().anyMatch(line -> line.contains("Consul v")));
  }

  private void copyProject() throws IOException {
    scratch =
        Files.createDirectory(outside.resolve("kit")); // Some commands create folders beside it.
    for (String part : COPIED) {
      copy(Page.root().resolve(part));
    }
    // Last, with the current time: otherwise the scripts would build them again.
    Files.createDirectories(scratch.resolve("target"));
    for (String jar : JARS) {
      Path built = Page.root().resolve("target").resolve(jar);
      assertThat(built).as("made by mvn package").exists();
      Files.copy(built, scratch.resolve("target").resolve(jar));
    }
  }

  private void copy(Path part) throws IOException {
    try (Stream<Path> files = Files.walk(part)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Path to = scratch.resolve(Page.root().relativize(file));
        if (Files.isDirectory(file)) {
          Files.createDirectories(to);
        } else {
          Files.createDirectories(to.getParent());
          Files.copy(file, to, StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    }
  }
}
