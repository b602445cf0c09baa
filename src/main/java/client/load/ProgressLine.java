// SPDX-License-Identifier: Apache-2.0
package client.load;

import java.io.Console;

/**
 * Progress line on a terminal. Prints nothing if stdout is a file or a pipe.
 *
 * <p>Thread-safe.
 */
final class ProgressLine implements AutoCloseable {
  private final boolean isShown = isTerminal(System.console());

  // Guarded by this.
  private int length;
  private boolean closed;

  /** Replaces the text of the line. */
  synchronized void show(String text) {
    if (isShown && !closed) {
      write(text);
      length = text.length();
    }
  }

  /** Erases the line for good. */
  @Override
  public synchronized void close() {
    if (isShown && !closed) {
      write("");
      System.out.print('\r');
    }
    closed = true;
  }

  private void write(String text) {
    System.out.print("\r" + text + " ".repeat(Math.max(0, length - text.length())));
    System.out.flush();
  }

  private static boolean isTerminal(Console console) {
    if (console == null) {
      return false;
    }
    try { // JDK 22 to 24 have a console without a terminal, too.
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true;
    }
  }
}
