// SPDX-License-Identifier: Apache-2.0
package client.load;

import java.io.Console;

/**
 * A line on a terminal that changes while something goes on. Shows nothing when the output goes to a
 * file or to another program.
 *
 * <p>Safe for any number of threads.
 */
final class ProgressLine implements AutoCloseable {
  private final boolean isShown = isTerminal(System.console());

  // Guarded by this.
  private int length;
  private boolean closed;

  /** Writes {@code text} over what stood there. */
  synchronized void show(String text) {
    if (isShown && !closed) {
      write(text);
      length = text.length();
    }
  }

  /** Erases the line; nothing is shown any more. */
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
    try { // JDK 22 to 24 have a console also without a terminal; they can be asked.
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true;
    }
  }
}
