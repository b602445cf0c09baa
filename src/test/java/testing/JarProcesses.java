// SPDX-License-Identifier: Apache-2.0
package testing;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * The jars that a test has started; closing it kills those that are left, and so does the end of the
 * test if it is a JUnit extension.
 */
public final class JarProcesses implements AutoCloseable, AfterEachCallback {
  private final List<JarProcess> processes = new ArrayList<>();

  /** Starts {@code target/<jar>.jar}. */
  public JarProcess start(String jar, String... args) {
    JarProcess process = JarProcess.start(jar, args);
    processes.add(process);
    return process;
  }

  /** Starts a user service; port 0 is any free one. */
  public JarProcess service(String registry, int port, String... more) {
    String[] common = {
      "--name", "userservice", "--port", Integer.toString(port), "--registry", registry
    };
    return start("user-service", joined(common, more));
  }

  /** Starts a command of the client, which comes first in {@code command}. */
  public JarProcess client(String registry, String... command) {
    return start("client", joined(command, "--registry", registry));
  }

  /** Returns what a command of the client has printed, once it has ended well. */
  public List<String> outputOfClient(String registry, String... command)
      throws InterruptedException {
    JarProcess client = client(registry, command);
    int status = client.exitStatus();
    if (status != 0 || !client.err().isEmpty()) {
      throw new AssertionError(
          String.join(" ", command) + " ended with " + status + ": " + client.err());
    }
    return client.out();
  }

  private static String[] joined(String[] first, String... second) {
    return Stream.concat(Stream.of(first), Stream.of(second)).toArray(String[]::new);
  }

  @Override
  public void afterEach(ExtensionContext context) throws InterruptedException {
    close();
  }

  @Override
  public void close() throws InterruptedException {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
    processes.clear();
  }
}
