// SPDX-License-Identifier: Apache-2.0
package kit.log;

import static java.util.Objects.requireNonNull;

import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.helpers.NOPMDCAdapter;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * Has a {@link KeyValueLog} write what is logged through slf4j, in place of slf4j-simple.
 *
 * <pre>{@code
 * KeyValueProvider.install(KeyValueLog.json(System.err).allowing(Level.INFO));
 *
 * LoggerFactory.getLogger(Main.class).info("settings: {}", options);
 * // {"level":"info","logger":"Main","msg":"settings: ..."}
 * }</pre>
 *
 * <p>Keys are {@code logger} (the class without its package), {@code msg}, those of slf4j's
 * {@code addKeyValue}, and of a {@link Throwable} {@code err}, as well as {@code stack} if the log
 * {@linkplain KeyValueLog#allows allows} DEBUG. It is all one line.
 *
 * <p>To be installed before the first logger is made: slf4j asks only once.
 *
 * <p>Thread-safe, as the log is.
 */
public final class KeyValueProvider implements SLF4JServiceProvider {
  private static final String API_VERSION = "2.0.99"; // Any of 2.0, as slf4j's own providers say.

  private static volatile KeyValueLog installed = KeyValueLog.logfmt(System.err);

  private final IMarkerFactory markers = new BasicMarkerFactory();
  private final MDCAdapter context = new NOPMDCAdapter();
  private final ILoggerFactory loggers = KeyValueLogger.factory(installed);

  /** For slf4j, which makes it by name; all else calls {@link #install}. */
  public KeyValueProvider() {}

  /** Has {@code log} write the events of all loggers, each with its level. */
  public static void install(KeyValueLog log) {
    installed = requireNonNull(log, "log");
    System.setProperty("slf4j.provider", KeyValueProvider.class.getName());
    if (System.getProperty("slf4j.internal.verbosity") == null) {
      System.setProperty("slf4j.internal.verbosity", "WARN"); // Or it reports that it has found us.
    }
  }

  @Override
  public ILoggerFactory getLoggerFactory() {
    return loggers;
  }

  @Override
  public IMarkerFactory getMarkerFactory() {
    return markers;
  }

  @Override
  public MDCAdapter getMDCAdapter() {
    return context;
  }

  @Override
  public String getRequestedApiVersion() {
    return API_VERSION;
  }

  @Override
  public void initialize() {}
}
