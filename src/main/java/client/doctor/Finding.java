// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import kit.LogSafe;

/**
 * What a check has found: one line of the report. Untrusted text is escaped.
 *
 * @param subject what was examined, such as {@code registry}
 * @param seen what was seen
 * @param advice what to do; empty if there is nothing to do
 */
record Finding(Level level, String subject, String seen, String advice) {
  /** How bad it is. */
  enum Level {
    OK("ok"),
    WARN("warn"),
    FAIL("FAIL"),
    /** Not examined, because this kind of registry does not have it. */
    SKIP("skip");

    private final String word;

    Level(String word) {
      this.word = word;
    }
  }

  Finding {
    subject = LogSafe.of(subject);
    seen = LogSafe.of(seen);
  }

  static Finding ok(String subject, String seen) {
    return new Finding(Level.OK, subject, seen, "");
  }

  static Finding warn(String subject, String seen, String advice) {
    return new Finding(Level.WARN, subject, seen, advice);
  }

  static Finding fail(String subject, String seen, String advice) {
    return new Finding(Level.FAIL, subject, seen, advice);
  }

  static Finding skip(String subject, String seen) {
    return new Finding(Level.SKIP, subject, seen, "");
  }

  /** Returns the finding in one line. */
  String line() {
    return String.format("%-4s  %s: %s", level.word, subject, seen)
        + (advice.isEmpty() ? "" : "; " + advice);
  }
}
