// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Prints on stdout and stderr in UTF-8, and ends the program when their reader is gone.
 *
 * <p>{@link System#out} prints {@code ?} for characters that the locale cannot encode, and ignores
 * errors: {@code client.jar loop | head -2} would never end. {@link Program#run} replaces both
 * streams by streams in UTF-8. Commands print their results with {@link #line}. Servers use {@code
 * System.out} and logs, which ignore errors: a server must not end because of a log line.
 *
 * <p>Thread-safe.
 */
public final class Output {
  private static final Stream OUT = new Stream("stdout", FileDescriptor.out);
  private static final Stream ERR = new Stream("stderr", FileDescriptor.err);

  private Output() {}

  /** Replaces System.out and System.err; called before any class keeps one of them. */
  static void set() {
    System.setOut(OUT.printing());
    System.setErr(ERR.printing());
  }

  /**
   * Prints a line on stdout.
   *
   * @throws FailedException if stdout cannot be written; {@link Program#run} ends the program
   */
  public static void line(String text) {
    System.out.println(text);
    check();
  }

  /**
   * Prints a line on stderr.
   *
   * @throws FailedException if the reader of stderr is gone
   */
  public static void errorLine(String text) {
    System.err.println(text);
    if (ERR.isReaderGone()) {
      throw new FailedException(ERR);
    }
  }

  /**
   * Checks whether all that was printed on stdout so far has been written.
   *
   * @throws FailedException if it has not
   */
  public static void check() {
    if (OUT.failure != null) {
      throw new FailedException(OUT);
    }
  }

  /** A standard stream that remembers why it could not be written, which PrintStream does not. */
  private static final class Stream extends FilterOutputStream {
    private final String name;
    private volatile IOException failure; // Null as long as all has been written.

    Stream(String name, FileDescriptor descriptor) {
      super(new FileOutputStream(descriptor));
      this.name = name;
    }

    PrintStream printing() {
      return new PrintStream(new BufferedOutputStream(this), true, StandardCharsets.UTF_8);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      try {
        out.write(bytes, from, length);
      } catch (IOException e) {
        failure = e;
        throw e;
      }
    }

    /** The JDK has only the text of the error; a translation keeps the English word in brackets. */
    boolean isReaderGone() {
      return failure != null && String.valueOf(failure.getMessage()).matches("(?i).*\\bpipe\\b.*");
    }
  }

  /** A standard stream cannot be written. */
  static final class FailedException extends RuntimeException {
    private final boolean isReaderGone;

    private FailedException(Stream stream) {
      super("cannot write to " + stream.name + ": " + stream.failure.getMessage());
      isReaderGone = stream.isReaderGone();
    }

    /**
     * Returns whether the cause is a pipe without a reader, which is how {@code | head} ends a
     * program.
     */
    boolean isReaderGone() {
      return isReaderGone;
    }
  }
}
