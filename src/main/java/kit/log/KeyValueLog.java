// SPDX-License-Identifier: Apache-2.0
package kit.log;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Structured logger: writes events as keys and values, one line each, in logfmt or JSON.
 *
 * <pre>{@code
 * KeyValueLog log =
 *     KeyValueLog.logfmt(System.err)
 *         .with("ts", KeyValueLog.timestamp(InstantSource.system()), "caller", KeyValueLog.caller())
 *         .allowing(Level.INFO);
 *
 * log.at(Level.INFO).log("method", "getName", "uid", 7, "took", Duration.ofNanos(3_518_100));
 * // level=info ts=2026-11-25T22:48:01.123Z caller=Main.java:63 method=getName uid=7 took=3.518ms
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A log holds keys and values that precede those of each event ({@link #with}, {@link
 * #withPrefix}) or follow them ({@link #withSuffix}). A value that is a {@link Supplier} is
 * computed for each event that is written, on the logging thread. A key without a value gets {@code
 * (MISSING)}.
 *
 * <pre>
 *   value                     logfmt                      JSON
 *   null                      null                        null
 *   7, 2.5, true              7, 2.5, true                7, 2.5, true
 *   text                      text                        "text"
 *   two words, a=b            "two words", "a=b"          "two words", "a=b"
 *   nothing, the word null    (nothing), "null"           "", "null"
 *   line end, ESC, a quote    "\n", "\u001b", "\""        "\n", "\u001b", "\""
 *   Duration                  3.518ms                     "3.518ms"
 *   anything else             its toString(), as text     its toString(), as text
 *   whose toString() throws   "PANIC: ..."                "PANIC: ..."
 *   array                     "unsupported value type"    the same
 * </pre>
 *
 * <p>Line ends, control characters and characters that reorder text are escaped, so untrusted text
 * cannot forge an event (CWE-117). From keys, such characters, blanks, {@code =} and {@code "} are
 * removed; an empty key, null and an array become {@code _}. JSON's keys are sorted; of equal ones
 * the last wins.
 *
 * <h2>Errors</h2>
 *
 * <p>None are thrown: a full disk must not fail a request. An event that cannot be written is lost.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable, and thread-safe if the stream is. Each event is one write, so lines stay whole on
 * streams that serialize writes, such as {@link System#err} and files. An event below the level
 * costs only its arguments.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: Go kit's package {@code log}, and go-logfmt for the quotes, which escapes fewer
 * invisible characters.
 */
public final class KeyValueLog {
  /** Log level of an event; OFF is for {@link KeyValueLog#allowing} only. */
  public enum Level {
    TRACE,
    DEBUG,
    INFO,
    WARN,
    ERROR,
    OFF;

    private final String text = name().toLowerCase(Locale.ROOT);

    /** Parses a level, ignoring case and surrounding blanks. */
    public static Level parse(String name) {
      for (Level level : values()) {
        if (level.text.equalsIgnoreCase(name.strip())) {
          return level;
        }
      }
      throw new IllegalArgumentException("not a level: " + name);
    }

    /** Returns the name in lower case. */
    @Override
    public String toString() {
      return text;
    }
  }

  private enum Format {
    LOGFMT,
    JSON
  }

  private static final Object[] NOTHING = {};
  private static final Object MISSING = "(MISSING)";
  private static final Pattern JSON_NUMBER =
      Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?(E[+-]?\\d+)?");

  // Characters that are invisible or make other text look like what it is not: control characters
  // (Cc), half a character (Cs) or what a decoder puts in its place, line separators, and what
  // reverses the order of text. The patterns are slow, so plain ASCII does not get to them.
  private static final String HIDDEN =
      "\\p{Cc}\\p{Cs}\\ufffd\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\u200e\\u200f\\u061c";
  private static final Pattern NOT_BARE = Pattern.compile("[ =\"" + HIDDEN + "]");
  private static final Pattern ESCAPED = Pattern.compile("[\"\\\\" + HIDDEN + "]");

  private final Format format;
  private final Consumer<String> lines;
  private final Level least;
  private final Optional<Level> level; // Of each event.
  private final Object[] before;
  private final Object[] after;

  private KeyValueLog(Format format, Consumer<String> lines) {
    this(format, requireNonNull(lines, "lines"), Level.TRACE, Optional.empty(), NOTHING, NOTHING);
  }

  private KeyValueLog(
      Format format,
      Consumer<String> lines,
      Level least,
      Optional<Level> level,
      Object[] before,
      Object[] after) {
    this.format = format;
    this.lines = lines;
    this.least = least;
    this.level = level;
    this.before = before;
    this.after = after;
  }

  /** Returns a log that writes {@code key=value key=value} to {@code out}. */
  public static KeyValueLog logfmt(OutputStream out) {
    return new KeyValueLog(Format.LOGFMT, writing(out));
  }

  /** As {@link #logfmt(OutputStream)}; {@code lines} receives each line, without its end. */
  public static KeyValueLog logfmt(Consumer<String> lines) {
    return new KeyValueLog(Format.LOGFMT, lines);
  }

  /** Returns a log that writes one JSON object a line to {@code out}. */
  public static KeyValueLog json(OutputStream out) {
    return new KeyValueLog(Format.JSON, writing(out));
  }

  /** As {@link #json(OutputStream)}; {@code lines} receives each line, without its end. */
  public static KeyValueLog json(Consumer<String> lines) {
    return new KeyValueLog(Format.JSON, lines);
  }

  private static Consumer<String> writing(OutputStream out) {
    requireNonNull(out, "out");
    return line -> {
      try {
        out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // There is no other place to report it.
      }
    };
  }

  /** Returns a log with more keys and values before those of an event. */
  public KeyValueLog with(Object... keysAndValues) {
    return new KeyValueLog(
        format, lines, least, level, joined(before, complete(keysAndValues)), after);
  }

  /** Returns a log with more keys and values before all others except the level. */
  public KeyValueLog withPrefix(Object... keysAndValues) {
    return new KeyValueLog(
        format, lines, least, level, joined(complete(keysAndValues), before), after);
  }

  /** Returns a log with more keys and values after all others. */
  public KeyValueLog withSuffix(Object... keysAndValues) {
    return new KeyValueLog(
        format, lines, least, level, before, joined(after, complete(keysAndValues)));
  }

  /** Returns a log whose events have {@code level}, as their first key. */
  public KeyValueLog at(Level level) {
    return new KeyValueLog(format, lines, least, Optional.of(level), before, after);
  }

  /** Returns a log that drops events below {@code least}. Events without a level are kept. */
  public KeyValueLog allowing(Level least) {
    return new KeyValueLog(format, lines, requireNonNull(least, "least"), level, before, after);
  }

  /** Returns whether events of {@code level} are written. */
  public boolean allows(Level level) {
    return level != Level.OFF && level.compareTo(least) >= 0;
  }

  /** Writes an event, unless it is below the allowed level. */
  public void log(Object... keysAndValues) {
    if (level.isPresent() && !allows(level.get())) {
      return;
    }
    Object[] event = complete(keysAndValues);
    StringBuilder line = new StringBuilder(256);
    if (format == Format.LOGFMT) {
      level.ifPresent(known -> appendLogfmt("level", known, line));
      appendLogfmt(before, line);
      appendLogfmt(event, line);
      appendLogfmt(after, line);
    } else {
      Map<String, Object> members = new TreeMap<>();
      level.ifPresent(known -> members.put("level", known));
      put(before, members);
      put(event, members);
      put(after, members);
      appendJson(members, line);
    }
    lines.accept(line.toString());
  }

  private static Object[] complete(Object[] keysAndValues) {
    if (keysAndValues.length % 2 == 0) {
      return keysAndValues;
    }
    return joined(keysAndValues, MISSING);
  }

  /** Always a new array: the caller may change its own. */
  private static Object[] joined(Object[] first, Object... second) {
    Object[] joined = Arrays.copyOf(first, first.length + second.length, Object[].class);
    System.arraycopy(second, 0, joined, first.length, second.length);
    return joined;
  }

  private static void appendLogfmt(Object[] keysAndValues, StringBuilder line) {
    for (int i = 0; i < keysAndValues.length; i += 2) {
      appendLogfmt(key(keysAndValues[i]), keysAndValues[i + 1], line);
    }
  }

  private static void appendLogfmt(String key, Object value, StringBuilder line) {
    if (line.length() > 0) {
      line.append(' ');
    }
    line.append(key).append('=');
    String text = text(value);
    if (text == null) {
      line.append("null");
    } else if (isBare(text)) {
      line.append(text);
    } else {
      quote(text, line);
    }
  }

  private static void put(Object[] keysAndValues, Map<String, Object> members) {
    for (int i = 0; i < keysAndValues.length; i += 2) {
      members.put(key(keysAndValues[i]), keysAndValues[i + 1]);
    }
  }

  private static void appendJson(Map<String, Object> members, StringBuilder line) {
    char separator = '{';
    for (Map.Entry<String, Object> member : members.entrySet()) {
      quote(member.getKey(), line.append(separator));
      line.append(':');
      Object value = computed(member.getValue());
      String text = text(value);
      boolean isNumber = value instanceof Number && JSON_NUMBER.matcher(text).matches();
      if (text == null || isNumber || value instanceof Boolean) {
        line.append(text);
      } else {
        quote(text, line);
      }
      separator = ',';
    }
    line.append(members.isEmpty() ? "{}" : "}");
  }

  /** Returns a key without the characters that logfmt forbids in one; "_" if it is empty. */
  private static String key(Object key) {
    Object computed = computed(key);
    boolean isText = computed != null && !computed.getClass().isArray();
    String text = isText ? String.valueOf(text(computed)) : "";
    if (!text.isEmpty() && isBare(text)) {
      return text;
    }
    String name = NOT_BARE.matcher(text).replaceAll("");
    return name.isEmpty() ? "_" : name;
  }

  private static Object computed(Object value) {
    try {
      return value instanceof Supplier<?> supplier ? supplier.get() : value;
    } catch (RuntimeException | Error e) {
      return panic(e);
    }
  }

  private static String panic(Throwable e) {
    return "PANIC: " + e.getClass().getName(); // Its message may be the next one that throws.
  }

  private static String text(Object value) {
    Object computed = computed(value);
    try {
      if (computed == null) {
        return null;
      }
      if (computed.getClass().isArray()) {
        return "unsupported value type";
      }
      if (computed instanceof Duration duration) {
        return BigDecimal.valueOf(duration.toNanos() / 1_000, 3) + "ms";
      }
      return computed.toString();
    } catch (RuntimeException | Error e) {
      return panic(e);
    }
  }

  /** Returns whether logfmt has {@code text} without quotes. */
  private static boolean isBare(String text) {
    boolean isPlain = text.chars().allMatch(c -> c > ' ' && c <= '~' && c != '=' && c != '"');
    return (isPlain || !NOT_BARE.matcher(text).find()) && !text.equals("null");
  }

  /** Appends a JSON string, which go-logfmt accepts, too. */
  private static void quote(String text, StringBuilder line) {
    boolean isPlain = text.chars().allMatch(c -> c >= ' ' && c <= '~' && c != '"' && c != '\\');
    String escaped = isPlain ? text : ESCAPED.matcher(text).replaceAll(KeyValueLog::escape);
    line.append('"').append(escaped).append('"');
  }

  private static String escape(MatchResult match) {
    char c = match.group().charAt(0);
    return Matcher.quoteReplacement(
        switch (c) {
          case '"', '\\' -> "\\" + c;
          case '\n' -> "\\n";
          case '\r' -> "\\r";
          case '\t' -> "\\t";
          default -> String.format("\\u%04x", Character.isSurrogate(c) ? 0xfffd : (int) c);
        });
  }

  /** Returns a value for the time of the event, in UTC, in the format of RFC 3339. */
  public static Supplier<Object> timestamp(InstantSource clock) {
    return clock::instant;
  }

  /**
   * Returns a value for the file and line of the logging call, such as {@code Main.java:63}.
   *
   * @param skipped packages of logging frameworks to skip, such as {@code org.slf4j}
   */
  public static Supplier<Object> caller(String... skipped) {
    String[] prefixes = Arrays.stream(skipped).map(name -> name + ".").toArray(String[]::new);
    return () ->
        StackWalker.getInstance()
            .walk(
                frames ->
                    frames
                        .filter(frame -> !isSkipped(frame.getClassName(), prefixes))
                        .findFirst()
                        .map(frame -> frame.getFileName() + ":" + frame.getLineNumber())
                        .orElse("unknown"));
  }

  private static boolean isSkipped(String type, String[] prefixes) {
    return type.equals(KeyValueLog.class.getName())
        || Arrays.stream(prefixes).anyMatch(type::startsWith);
  }
}
