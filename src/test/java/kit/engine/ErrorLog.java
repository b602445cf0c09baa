// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Records what the engine logs as errors, in place of printing it, until it is closed. */
final class ErrorLog extends Handler implements AutoCloseable {
  private static final Logger LOGGER = Logger.getLogger("kit.engine"); // Held, or it is collected.

  private final Queue<String> texts = new ConcurrentLinkedQueue<>();

  ErrorLog() {
    LOGGER.addHandler(this);
    LOGGER.setUseParentHandlers(false);
  }

  /** Returns the messages so far, with their exceptions. */
  List<String> texts() {
    return List.copyOf(texts);
  }

  @Override
  public void publish(LogRecord entry) {
    if (entry.getLevel().intValue() >= Level.SEVERE.intValue()) {
      texts.add(entry.getMessage() + ": " + entry.getThrown());
    }
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    LOGGER.removeHandler(this);
    LOGGER.setUseParentHandlers(true);
  }
}
