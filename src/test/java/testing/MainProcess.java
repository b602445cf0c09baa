// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A main method in a process of its own, for what depends on locale, pipes and environment. */
public final class MainProcess implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 30;
  private static final String VARIABLES =
      "(KIT|CONSUL|ETCDCTL|LC)_.*|LANG|JAVA_TOOL_OPTIONS"; // Of the programs.

  private final Process process;
  private final Path err;
  private final BufferedReader out;

  /**
   * Starts {@code main} with this JVM's Java and class path.
   *
   * @param environment is added to that of this process, less the variables of the programs
   */
  public MainProcess(String main, Map<String, String> environment, String... args)
      throws IOException {
    err = Files.createTempFile("main", ".err");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-cp", System.getProperty("java.class.path"), "-XX:TieredStopAtLevel=1", main));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.matches(VARIABLES) && !name.equals(Engine.VARIABLE));
    builder.environment().putAll(environment);
    process = builder.start();
    out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
  }

  /** Waits for a line on stdout; null at its end. */
  public String line() throws IOException {
    return out.readLine();
  }

  /** Closes the reading end of stdout, as {@code head} does when it has seen enough. */
  public void closeOut() throws IOException {
    process.getInputStream().close();
  }

  /** Writes to stdin, and ends it. */
  public MainProcess in(byte[] bytes) throws IOException {
    process.getOutputStream().write(bytes);
    process.getOutputStream().close();
    return this;
  }

  /** Waits for the end and returns the exit status. */
  public int exitStatus() throws InterruptedException, IOException {
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("still running; stderr: " + err());
    }
    return process.exitValue();
  }

  /** Returns stderr so far, as UTF-8. */
  public String err() throws IOException {
    return new String(Files.readAllBytes(err), UTF_8);
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    Files.deleteIfExists(err);
  }
}
