// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.spi.HttpServerProvider;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * JVM-wide settings of the JDK's HTTP server: time limits and sizes, which it reads from system
 * properties once.
 *
 * <p><b>They apply to every {@code HttpServer} in the process</b>, and only if {@link #apply} runs
 * before the first one is created, also by other code such as a Java agent. A property that is
 * already set, for instance with {@code -D}, is kept. Another {@link ServerEngine} has the time
 * limits for one server, without properties.
 *
 * <p>Three of the JDK's defaults are unsuitable for a service:
 *
 * <ul>
 *   <li>{@code nodelay} is off, and on JDK 17 each response on a persistent connection then takes
 *       44 ms: head and body are sent in two packets, and Nagle's algorithm waits for a delayed
 *       acknowledgement (JDK-6968351).
 *   <li>There is no time limit for reading a request, so a slow client holds a thread forever.
 *   <li>Above 200 idle connections, every response closes its connection.
 * </ul>
 *
 * <p>It also limits the head of a request (100 headers, 32 KiB), the number of connections (10,000;
 * more are closed at once) and the time that an idle one is kept (60 seconds).
 *
 * @param requestTimeout from the first byte of a request to the last of its body; whole seconds,
 *     because that is the JDK's unit (JDK-8387598: its documentation says milliseconds)
 * @param responseTimeout from there to the last byte of the response, the handler's time included;
 *     whole seconds; the connection is closed, the handler is not interrupted
 */
public record ServerSettings(Duration requestTimeout, Duration responseTimeout) {
  /**
   * How much of an unread body is drained: closing a connection with unread bytes resets it, and
   * the client may lose the error response. The JDK's default is 64 KiB.
   */
  static final int MAX_DRAINED_BYTES = 1 << 20;

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration RESPONSE_TIMEOUT = Duration.ofSeconds(60);

  /** Checks that both are whole seconds, at least one. */
  public ServerSettings {
    checkSeconds("requestTimeout", requestTimeout);
    checkSeconds("responseTimeout", responseTimeout);
  }

  private static void checkSeconds(String name, Duration timeout) {
    if (timeout.toSeconds() < 1 || timeout.toNanosPart() != 0) {
      throw new IllegalArgumentException(name + " not in whole seconds, 1 or more: " + timeout);
    }
  }

  /** Returns the defaults: 10 seconds for a request, 60 for its response. */
  public static ServerSettings defaults() {
    return new ServerSettings(REQUEST_TIMEOUT, RESPONSE_TIMEOUT);
  }

  /** Sets the properties of the engine that are not set yet, and returns all with their effective values. */
  public Map<String, String> apply(HttpServerProvider engine) {
    Map<String, String> effective = new LinkedHashMap<>();
    properties(prefix(engine))
        .forEach(
            (name, value) -> {
              if (System.getProperty(name) == null) {
                System.setProperty(name, value);
              }
              effective.put(name, System.getProperty(name));
            });
    return effective;
  }

  /** Returns the effective time limit of responses in this JVM, in nanoseconds; 0 without one. */
  static long responseTimeoutNanos(HttpServerProvider engine) {
    return TimeUnit.SECONDS.toNanos(Math.max(0, Long.getLong(prefix(engine) + ".maxRspTime", 0)));
  }

  /** Returns the package of the engine, which is the prefix of its properties. */
  private static String prefix(HttpServerProvider engine) {
    return engine.getClass().getPackageName();
  }

  private Map<String, String> properties(String engine) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put(engine + ".nodelay", "true");
    properties.put(engine + ".maxReqTime", Long.toString(requestTimeout.toSeconds()));
    properties.put(engine + ".maxRspTime", Long.toString(responseTimeout.toSeconds()));
    properties.put(engine + ".drainAmount", Integer.toString(MAX_DRAINED_BYTES));
    properties.put(engine + ".maxIdleConnections", "10000");
    properties.put("jdk.httpserver.maxConnections", "10000");
    // Longer than clients keep an idle connection (30 s in the JDK's), so that the client closes
    // it, and never while a request is in flight.
    properties.put(engine + ".idleInterval", "60");
    properties.put(engine + ".maxReqHeaders", "100");
    properties.put(engine + ".maxReqHeaderSize", "32768"); // Four times an 8 KiB cookie.
    return properties;
  }
}
