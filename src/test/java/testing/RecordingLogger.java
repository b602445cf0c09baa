// SPDX-License-Identifier: Apache-2.0
package testing;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** A logger that records events instead of printing them. */
public final class RecordingLogger extends LegacyAbstractLogger {
  public record Line(Level level, String text, Throwable error) {}

  private final transient Queue<Line> lines = new ConcurrentLinkedQueue<>();

  /** What an operator reads at this level, as {@code "WARN registry failed"}. */
  public List<String> linesFrom(Level lowest) {
    return lines.stream()
        .filter(line -> line.level().toInt() >= lowest.toInt())
        .map(line -> line.level() + " " + line.text())
        .toList();
  }

  public List<Line> lines() {
    return List.copyOf(lines);
  }

  @Override
  protected void handleNormalizedLoggingCall(
      Level level, Marker marker, String pattern, Object[] arguments, Throwable error) {
    lines.add(new Line(level, MessageFormatter.basicArrayFormat(pattern, arguments), error));
  }

  @Override
  protected String getFullyQualifiedCallerName() {
    return null;
  }

  @Override
  public boolean isTraceEnabled() {
    return true;
  }

  @Override
  public boolean isDebugEnabled() {
    return true;
  }

  @Override
  public boolean isInfoEnabled() {
    return true;
  }

  @Override
  public boolean isWarnEnabled() {
    return true;
  }

  @Override
  public boolean isErrorEnabled() {
    return true;
  }
}
