// SPDX-License-Identifier: Apache-2.0
package docs;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import testing.Eventually;

/** Runs the commands of a page in order: see {@link Commands}. */
final class Walk implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(60); // For a busy machine.
  private static final Duration READING_TIMEOUT = Duration.ofSeconds(10);
  private static final String DIFFERS = "the output differs";
  private static final int INTERRUPTED = 130; // Exit status after Ctrl-C.

  private final Page page;
  private final Path folder;
  private final List<String> tools;
  private final Ports ports = new Ports();
  private final Terminal typing;
  private final Deque<Terminal> others = new ArrayDeque<>(); // Newest first.
  private int section;

  /**
   * Begins in a copy of the project.
   *
   * @param tools folders of additional programs
   */
  Walk(Page page, Path folder, List<String> tools) throws IOException {
    this.page = page;
    this.folder = folder;
    this.tools = tools;
    this.typing = Terminal.open(folder, environment());
  }

  private Map<String, String> environment() throws IOException {
    List<String> path = new ArrayList<>(tools);
    path.add(javaThatStartsFast().toString());
    path.add(System.getenv("PATH"));
    // On a terminal, curl draws no progress bar.
    Files.writeString(folder.resolve(".curlrc"), "silent\nshow-error\n");
    Map<String, String> environment = new HashMap<>();
    environment.put("PATH", String.join(File.pathSeparator, path));
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("KIT_TIMEOUT", "30s");
    environment.put("KIT_ATTEMPT_TIMEOUT", "10s");
    environment.put("CURL_HOME", folder.toString());
    environment.put("KIT_REGISTRY", "consul://127.0.0.1:" + ports.free(8500));
    environment.put("CONSUL_HTTP_ADDR", "127.0.0.1:" + ports.free(8500));
    return environment;
  }

  /** Makes a folder with a java that starts fast. */
  private Path javaThatStartsFast() throws IOException {
    Path java = folder.resolve(".bin/java");
    if (!Files.exists(java)) {
      Files.createDirectories(java.getParent());
      String command = Path.of(System.getProperty("java.home"), "bin", "java").toString();
      Files.writeString(
          java,
          "#!/bin/sh\nexec '" + command + "' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \"$@\"\n");
      Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    return java.getParent();
  }

  /** Runs all commands. */
  void run() throws Exception {
    for (Page.Block block : page.blocks()) {
      if (block.section() != section) {
        section = block.section();
        interruptOthers();
      }
      switch (block.info()) {
        case "sh" -> type(block);
        case "sh terminal" -> start(block);
        case "text terminal" -> awaitShown(afterAnything(block.text()), block);
        default -> {} // Nothing to run.
      }
    }
    interruptOthers();
  }

  private static List<String> afterAnything(List<String> shown) {
    List<String> longer = new ArrayList<>(List.of("..."));
    longer.addAll(shown);
    return longer;
  }

  private void type(Page.Block block) throws Exception {
    List<Commands.Command> commands = Commands.of(block);
    if (commands.stream().allMatch(Commands.Command::isRun)) {
      boolean onlyReads = commands.stream().allMatch(Commands.Command::onlyReads);
      // Repeated, because other processes change asynchronously what it reads.
      Duration timeout = onlyReads ? READING_TIMEOUT : Duration.ZERO;
      Eventually.within(timeout, () -> type(commands, block));
    }
  }

  private void type(List<Commands.Command> commands, Page.Block block) throws Exception {
    Page.Block output = page.outputOf(block);
    List<String> all = new ArrayList<>();
    for (Commands.Command command : commands) {
      Terminal.Result result = typing.run(ports.free(command.text()));
      List<String> printed = ports.named(result.printed());
      all.addAll(printed);
      boolean isShown = output != null || !command.shown().isEmpty();
      boolean holds = Shown.contains(command.shown(), printed);
      check(holds && (isShown || result.status() == 0), block, command.text(), printed);
    }
    if (output != null) {
      check(Shown.matches(output.text(), all), block, DIFFERS, all);
    }
  }

  private void start(Page.Block block) throws Exception {
    List<Commands.Command> commands = Commands.of(block);
    if (!commands.stream().allMatch(Commands.Command::isRun)) {
      return;
    }
    for (Commands.Command command : commands) {
      Map<String, String> environment = environment();
      if (command.text().endsWith(" dev-agent")) {
        environment.put("KIT_PORT", ports.free(8500)); // The command has no port.
      }
      Terminal other = Terminal.start(ports.free(command.text()), typing.folder(), environment);
      others.push(other);
      Eventually.within(
          TIMEOUT,
          () -> {
            List<String> printed = ports.named(other.seen());
            boolean hasBegun = !printed.isEmpty() && Shown.contains(command.shown(), printed);
            check(hasBegun, block, command.text(), printed);
          });
    }
    if (page.outputOf(block) != null) {
      awaitShown(page.outputOf(block).text(), block);
    }
  }

  /** Waits for the expected output of the terminal opened last. */
  private void awaitShown(List<String> shown, Page.Block block) throws Exception {
    Terminal other = others.element();
    Eventually.within(
        TIMEOUT,
        () -> {
          List<String> printed = ports.named(other.seen());
          check(Shown.matches(shown, printed), block, DIFFERS, printed);
        });
  }

  private void interruptOthers() throws Exception {
    for (Terminal other : others) {
      if (!other.isAlive()) {
        throw new AssertionError(page.name() + ": ended before Ctrl-C: " + other.seen());
      }
      other.interrupt();
    }
    while (!others.isEmpty()) {
      try (Terminal other = others.pop()) {
        if (other.awaitEnd() != INTERRUPTED) {
          throw new AssertionError(page.name() + ": not ended by Ctrl-C: " + other.seen());
        }
      }
    }
  }

  private void check(boolean holds, Page.Block block, String what, List<String> printed) {
    if (!holds) {
      throw new AssertionError(
          page.at(block) + ": " + what + "\n  " + String.join("\n  ", printed));
    }
  }

  @Override
  public void close() {
    others.forEach(Terminal::close);
    typing.close();
  }
}
