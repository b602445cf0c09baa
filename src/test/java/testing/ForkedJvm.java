// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A test program in a JVM of its own, for settings that a JVM reads only once. */
public final class ForkedJvm implements AutoCloseable {
  private final Process process;
  private final Path log;
  private final BufferedReader out;

  /** Runs {@code main} with these options of the JVM, such as {@code -Dname=value}. */
  public ForkedJvm(Class<?> main, List<String> options, String... args) throws IOException {
    this(List.of(), main, options, args);
  }

  /** Runs {@code main} in a process that may have this number of open files. */
  public static ForkedJvm withFiles(int files, Class<?> main) throws IOException {
    String limited = "ulimit -n " + files + " && exec \"$@\"";
    return new ForkedJvm(List.of("bash", "-c", limited, "limited"), main, List.of());
  }

  private ForkedJvm(List<String> prefix, Class<?> main, List<String> options, String... args)
      throws IOException {
    log = Files.createTempFile("forked", ".log");
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "-XX:TieredStopAtLevel=1"));
    command.addAll(options);
    command.add(main.getName());
    command.addAll(List.of(args));
    process = new ProcessBuilder(command).redirectError(Redirect.to(log.toFile())).start();
    out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
  }

  /** Waits for a line on its standard output; null at the end. */
  public String line() throws IOException {
    return out.readLine();
  }

  /** Returns the CPU time that it has used. */
  public Duration cpuTime() {
    return process.info().totalCpuDuration().orElseThrow();
  }

  /** Ends its standard input, which its main method waits for, and returns what it has logged. */
  public List<String> log() throws Exception {
    process.getOutputStream().close();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      throw new IllegalStateException("still running");
    }
    return Files.readAllLines(log);
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    Files.deleteIfExists(log);
  }
}
