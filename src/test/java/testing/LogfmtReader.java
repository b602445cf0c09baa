// SPDX-License-Identifier: Apache-2.0
package testing;

import java.util.LinkedHashMap;
import java.util.Map;

/** Reads one line of logfmt as go-logfmt's decoder does, and accepts nothing else. */
public final class LogfmtReader {
  private final String line;
  private int at;

  private LogfmtReader(String line) {
    this.line = line;
  }

  /** Returns the pairs in their order; a duplicate key is rejected. */
  public static Map<String, String> read(String line) {
    return new LogfmtReader(line).read();
  }

  private Map<String, String> read() {
    Map<String, String> pairs = new LinkedHashMap<>();
    while (at < line.length()) {
      if (!pairs.isEmpty()) {
        expect(' ');
      }
      String key = bare();
      expect('=');
      String value = at < line.length() && line.charAt(at) == '"' ? quoted() : bare();
      if (key.isEmpty() || pairs.put(key, value) != null) {
        throw new AssertionError("key empty or twice: '" + key + "' in " + line);
      }
    }
    return pairs;
  }

  private void expect(char c) {
    if (at >= line.length() || line.charAt(at) != c) {
      throw new AssertionError("no '" + c + "' at " + at + " of " + line);
    }
    at++;
  }

  private String bare() {
    int start = at;
    while (at < line.length() && line.charAt(at) > ' ' && line.charAt(at) != '=') {
      if (line.charAt(at) == '"') {
        throw new AssertionError("quote at " + at + " of " + line);
      }
      at++;
    }
    return line.substring(start, at);
  }

  private String quoted() {
    StringBuilder text = new StringBuilder();
    expect('"');
    while (line.charAt(at) != '"') {
      char c = line.charAt(at++);
      if (c < ' ') {
        throw new AssertionError("control character at " + (at - 1) + " of " + line);
      }
      text.append(c == '\\' ? escaped() : c);
    }
    expect('"');
    return text.toString();
  }

  private char escaped() {
    char c = line.charAt(at++);
    return switch (c) {
      case '"', '\\' -> c;
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> (char) Integer.parseInt(line.substring(at, at += 4), 16);
      default -> throw new AssertionError("escape \\" + c + " in " + line);
    };
  }
}
