// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.List;

/**
 * Sets up slf4j-simple for a program: one line an event on stderr, with time and level.
 *
 * <p>To be called before the first logger is made, which is when slf4j-simple reads its settings.
 * What is set already, with {@code -D}, stays.
 */
public final class Logs {
  private static final String PREFIX = "org.slf4j.simpleLogger.";

  private static final List<String> LEVELS =
      List.of("trace", "debug", "info", "warn", "error", "off");

  /** What the flag {@code --log-level} takes. */
  public static final Flags.Type<String> LEVEL =
      new Flags.Type<>("LEVEL", "a level (" + String.join(", ", LEVELS) + ")", text -> text)
          .where("as written here", LEVELS::contains);

  private Logs() {}

  /** Logs from {@code level} on. */
  public static void setUp(String level) {
    set("defaultLogLevel", level);
    set("logFile", "System.err");
    set("showDateTime", "true");
    set("dateTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX");
    set("showThreadName", "false");
    set("showShortLogName", "true");
  }

  private static void set(String name, String value) {
    if (System.getProperty(PREFIX + name) == null) {
      System.setProperty(PREFIX + name, value);
    }
  }
}
