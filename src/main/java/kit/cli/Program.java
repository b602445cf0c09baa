// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import kit.LogSafe;

/**
 * Runs a program's main method and maps failures to exit statuses: help on stdout and status 0, a usage
 * error as one line on stderr and status 2, any other failure as one line and status 1. A failure while
 * a signal ends the process is not reported: the status is the signal's. A command whose output goes to
 * a pipe without a reader ends with status 141 and without a message. Both streams are UTF-8, see
 * {@link Output}.
 *
 * <pre>{@code
 * public static void main(String... args) {
 *   Program.run(() -> serve(args));
 * }
 * }</pre>
 */
public final class Program {
  /** The prefix of the environment variables that set flags, for {@link Flags}. */
  public static final String ENVIRONMENT_PREFIX = "KIT_";

  private static final int FAILURE = 1;
  private static final int USAGE = 2;
  private static final int BROKEN_PIPE = 141; // As for a process that SIGPIPE ends: 128 + 13.

  private Program() {}

  /** The work of a program. */
  @FunctionalInterface
  public interface Body {
    /** Returns normally on success, also when threads continue in the background. */
    void run() throws Exception;
  }

  /**
   * Returns the environment of the process, for {@link Flags}: without the variables that Kubernetes sets
   * for a Service with the name of the prefix, such as {@code KIT_PORT=tcp://10.96.0.12:8080}.
   */
  public static Map<String, String> environment() {
    return withoutServiceLinks(System.getenv());
  }

  static Map<String, String> withoutServiceLinks(Map<String, String> environment) {
    Map<String, String> others = new HashMap<>(environment);
    serviceLinks(environment).forEach(others::remove);
    return others;
  }

  /** Returns the names of the variables that {@link #environment} leaves out. */
  static List<String> serviceLinks(Map<String, String> environment) {
    return environment.entrySet().stream()
        .filter(it -> it.getKey().matches(ENVIRONMENT_PREFIX + "(.*_)?PORT"))
        .filter(it -> it.getValue().matches("tcp://[^/@]+:[0-9]+"))
        .map(Map.Entry::getKey)
        .sorted()
        .toList();
  }

  /** Returns the name of the flag that a variable sets. */
  static String flagOf(String variable) {
    String name = variable.substring(ENVIRONMENT_PREFIX.length());
    return name.toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Runs {@code body}, and ends the process if it fails. */
  public static void run(Body body) {
    Output.set();
    try {
      body.run();
    } catch (Flags.HelpException e) {
      System.out.println(e.getMessage());
    } catch (Output.FailedException e) {
      end(e.isReaderGone() ? BROKEN_PIPE : FAILURE, e.isReaderGone() ? null : e.getMessage());
    } catch (Flags.UsageException e) {
      end(USAGE, e.getMessage());
    } catch (FailedException e) {
      end(FAILURE, e.getMessage());
    } catch (Throwable e) { // Errors too: a server's threads would keep half a program alive.
      end(FAILURE, LogSafe.of(e));
    }
  }

  /**
   * Runs {@code body} on a daemon thread named {@code name}: slow work that is needed soon, such as
   * loading a library. A failure is ignored, because it occurs again where the result is used.
   */
  public static void ahead(String name, Body body) {
    Thread thread =
        new Thread(
            () -> {
              try {
                body.run();
              } catch (Exception e) {
                // It occurs again where the result is used.
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
  }

  private static void end(int status, String message) {
    if (message != null && !isEnding()) {
      System.err.println(message);
    }
    System.exit(status); // If a signal came first, waits until the JVM ends.
  }

  private static boolean isEnding() {
    Thread probe = new Thread();
    try {
      Runtime.getRuntime().addShutdownHook(probe);
      Runtime.getRuntime().removeShutdownHook(probe);
      return false;
    } catch (IllegalStateException e) { // The only way to find out.
      return true;
    }
  }

  /** Failure of a program; the message, if any, is one line for the user. */
  public static final class FailedException extends RuntimeException {
    /** Ends the program with status 1 and one line on stderr. */
    public FailedException(String message, Throwable cause) {
      super(message, cause);
    }

    /** Ends the program with status 1; the failure has been printed already. */
    public FailedException() {
      super(null, null);
    }
  }
}
