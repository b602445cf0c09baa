// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import kit.LogSafe;

/**
 * Runs a program's main method the way command-line users expect: help on stdout and status 0, a
 * wrong flag as one line on stderr and status 2, any other failure as one line and status 1. What
 * fails because a signal is ending the process already is no failure: the status is the signal's. A
 * command whose output goes to a pipe without a reader ends with status 141 and without a message.
 * Both streams are UTF-8, see {@link Output}.
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

  /** What the program does. */
  @FunctionalInterface
  public interface Body {
    /** Returns normally if all is well, also when threads go on in the background. */
    void run() throws Exception;
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
   * Has {@code body} run on a daemon thread named {@code name}, for what takes long and will be needed
   * soon, such as loading a library. If it fails, nobody is told: it will fail again where it matters.
   */
  public static void ahead(String name, Body body) {
    Thread thread =
        new Thread(
            () -> {
              try {
                body.run();
              } catch (Exception e) {
                // See above.
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
    System.exit(status); // Where a signal came first, waits for the end that it brings.
  }

  private static boolean isEnding() {
    Thread probe = new Thread();
    try {
      Runtime.getRuntime().addShutdownHook(probe);
      Runtime.getRuntime().removeShutdownHook(probe);
      return false;
    } catch (IllegalStateException e) { // The only way to ask.
      return true;
    }
  }

  /** The program could not do what it was asked to; the message, if any, is for its user. */
  public static final class FailedException extends RuntimeException {
    /** Ends with status 1 and one line on stderr. */
    public FailedException(String message, Throwable cause) {
      super(message, cause);
    }

    /** Ends with status 1; what went wrong has been printed already. */
    public FailedException() {
      super(null, null);
    }
  }
}
