// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.time.InstantSource;
import java.util.List;
import java.util.function.Supplier;
import kit.log.KeyValueLog;
import kit.log.KeyValueLog.Level;
import kit.log.KeyValueProvider;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The logs of a program: one line per event on stderr, with time and level.
 *
 * <pre>{@code
 * Supplier<Logs> logs = Logs.flags(flags, "info"); // --log-level, --log-format
 * flags.parse(args);
 * logs.get(); // before the first logger is created
 * }</pre>
 *
 * <p>slf4j reads its settings when the first logger is created, so a class that is loaded earlier must
 * not have a logger in a constant.
 *
 * <pre>
 *   simple   2026-11-25T22:48:01.123Z INFO Main - settings: name=userservice
 *   logfmt   level=info ts=2026-11-25T22:48:01.123Z logger=Main msg="settings: name=userservice"
 *   json     {"level":"info","logger":"Main","msg":"settings: name=userservice","ts":"2026-..."}
 * </pre>
 *
 * <p>{@code simple} is slf4j-simple; properties that {@code -D} has set are kept.
 */
public final class Logs {
  private static final String PREFIX = "org.slf4j.simpleLogger.";

  private static final List<String> LEVELS =
      List.of("trace", "debug", "info", "warn", "error", "off");

  private final KeyValueLog log; // Null if slf4j-simple writes.

  private Logs(KeyValueLog log) {
    this.log = log;
  }

  /**
   * Declares {@code --log-level} and {@code --log-format}. The result configures the logs, once the
   * flags are parsed.
   */
  public static Supplier<Logs> flags(Flags flags, String leastLevel) {
    flags.group("Observability");
    Supplier<String> level =
        flags.optional(
            "log-level",
            new Flags.Type<>("LEVEL", "a level (" + String.join(", ", LEVELS) + ")", text -> text)
                .where("as written here", LEVELS::contains),
            leastLevel,
            "minimum level: " + String.join(", ", LEVELS));
    Supplier<String> format =
        flags.optional(
            "log-format",
            Flags.oneOf("FORMAT", "simple", "logfmt", "json"),
            "simple",
            "log format: simple, logfmt or json");
    return () -> {
      Logs logs = setUp(level.get(), format.get());
      Logger log = LoggerFactory.getLogger(Flags.class);
      Program.serviceLinks(System.getenv()).stream()
          .filter(name -> !flags.isGiven(Program.flagOf(name)))
          .forEach(name -> log.warn("{} ignored: a Kubernetes service link", name));
      return logs;
    };
  }

  private static Logs setUp(String level, String format) {
    if (format.equals("simple")) {
      setUpSimple(level);
      return new Logs(null);
    }
    KeyValueLog log =
        format.equals("json") ? KeyValueLog.json(System.err) : KeyValueLog.logfmt(System.err);
    log = log.with("ts", KeyValueLog.timestamp(InstantSource.system()));
    KeyValueProvider.install(log.allowing(Level.parse(level)));
    return new Logs(log);
  }

  private static void setUpSimple(String level) {
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

  /**
   * Returns a log for events made of keys and values, such as an access log. It has the format and the
   * destination of the other logs, but not their minimum level.
   *
   * @param name of the logger; other lines have the name of a class there
   */
  public KeyValueLog events(String name) {
    if (log != null) {
      return log.with("logger", name).at(Level.INFO);
    }
    set("log." + name, "info");
    Logger logger = LoggerFactory.getLogger(name);
    return KeyValueLog.logfmt(line -> logger.info(line));
  }
}
