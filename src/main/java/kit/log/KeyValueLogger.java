// SPDX-License-Identifier: Apache-2.0
package kit.log;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import kit.log.KeyValueLog.Level;
import org.slf4j.ILoggerFactory;
import org.slf4j.Marker;
import org.slf4j.event.KeyValuePair;
import org.slf4j.event.LoggingEvent;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.spi.LoggingEventAware;

/** Logger of slf4j on a {@link KeyValueLog}; see {@link KeyValueProvider}. */
final class KeyValueLogger extends LegacyAbstractLogger implements LoggingEventAware {
  private final transient KeyValueLog log;
  private final String shortName;

  private KeyValueLogger(String name, KeyValueLog log) {
    this.name = name;
    this.shortName = name.substring(name.lastIndexOf('.') + 1);
    this.log = log;
  }

  /** Returns a factory that makes one logger for each name. */
  static ILoggerFactory factory(KeyValueLog log) {
    Map<String, KeyValueLogger> loggers = new ConcurrentHashMap<>();
    return name -> loggers.computeIfAbsent(name, key -> new KeyValueLogger(key, log));
  }

  @Override
  public boolean isTraceEnabled() {
    return log.allows(Level.TRACE);
  }

  @Override
  public boolean isDebugEnabled() {
    return log.allows(Level.DEBUG);
  }

  @Override
  public boolean isInfoEnabled() {
    return log.allows(Level.INFO);
  }

  @Override
  public boolean isWarnEnabled() {
    return log.allows(Level.WARN);
  }

  @Override
  public boolean isErrorEnabled() {
    return log.allows(Level.ERROR);
  }

  @Override
  protected String getFullyQualifiedCallerName() {
    return null; // KeyValueLog.caller adds the caller.
  }

  @Override
  protected void handleNormalizedLoggingCall(
      org.slf4j.event.Level level,
      Marker marker,
      String message,
      Object[] arguments,
      Throwable error) {
    write(level, message, arguments, List.of(), error);
  }

  @Override
  public void log(LoggingEvent event) {
    List<KeyValuePair> pairs = event.getKeyValuePairs();
    write(
        event.getLevel(),
        event.getMessage(),
        event.getArgumentArray(),
        pairs == null ? List.of() : pairs,
        event.getThrowable());
  }

  private void write(
      org.slf4j.event.Level level,
      String message,
      Object[] arguments,
      List<KeyValuePair> pairs,
      Throwable error) {
    List<Object> keysAndValues = new ArrayList<>();
    keysAndValues.add("logger");
    keysAndValues.add(shortName);
    keysAndValues.add("msg");
    keysAndValues.add(MessageFormatter.basicArrayFormat(message, arguments));
    for (KeyValuePair pair : pairs) {
      keysAndValues.add(pair.key);
      keysAndValues.add(pair.value);
    }
    if (error != null) {
      keysAndValues.add("err");
      keysAndValues.add(error);
      if (isDebugEnabled()) {
        keysAndValues.add("stack");
        keysAndValues.add(stack(error));
      }
    }
    log.at(Level.valueOf(level.name())).log(keysAndValues.toArray());
  }

  private static String stack(Throwable error) {
    StringWriter text = new StringWriter();
    error.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }
}
