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
 * Slf4j provider that writes the events of all loggers to a {@link KeyValueLog}, in place of
 * slf4j-simple.
 *
 * <pre>{@code
 * KeyValueProvider.install(KeyValueLog.json(System.err).allowing(Level.INFO));
 *
 * LoggerFactory.getLogger(Main.class).info("settings: {}", options);
 * // {"level":"info","logger":"Main","msg":"settings: ..."}
 * }</pre>
 *
 * <p>Keys are {@code logger} (the class without its package), {@code msg}, those of slf4j's {@code
 * addKeyValue}, and for a {@link Throwable} {@code err}, with {@code stack} if the log {@linkplain
 * KeyValueLog#allows allows} DEBUG. An event is one line.
 *
 * <p>Install it before the first logger is created: slf4j selects its provider once.
 *
 * <p>Thread-safe if the log is.
 */
public final class KeyValueProvider implements SLF4JServiceProvider {
  private static final String API_VERSION = "2.0.99"; // Any 2.0, as in slf4j's own providers.

  private static volatile KeyValueLog installed = KeyValueLog.logfmt(System.err);

  private final IMarkerFactory markers = new BasicMarkerFactory();
  private final MDCAdapter context = new NOPMDCAdapter();
  private final ILoggerFactory loggers = KeyValueLogger.factory(installed);

  /**
   * Creates the provider for slf4j, which instantiates it by name; programs call {@link #install}.
   */
  public KeyValueProvider() {}

  /** Installs the provider: {@code log} writes the events of all loggers, each with its level. */
  public static void install(KeyValueLog log) {
    installed = requireNonNull(log, "log");
    System.setProperty("slf4j.provider", KeyValueProvider.class.getName());
    if (System.getProperty("slf4j.internal.verbosity") == null) {
      // Else slf4j prints which provider it uses.
      System.setProperty("slf4j.internal.verbosity", "WARN");
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
