// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.spi.HttpServerProvider;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Makes the JDK's HTTP server fit for service: its time limits and sizes, which it reads from system
 * properties once per JVM.
 *
 * <p><b>They hold for every {@code HttpServer} in the process</b>, and only if {@link #apply} runs
 * before the first of them is made, by whomever (a Java agent, say). A property that is already set,
 * for instance with {@code -D}, is left alone: the operator knows better.
 *
 * <p>Of the JDK's defaults, three would hurt:
 *
 * <ul>
 *   <li>{@code nodelay} is off, and on JDK 17 each answer on a kept connection then takes 44 ms: head
 *       and body leave in two packets, and Nagle's algorithm meets delayed acknowledgement
 *       (JDK-6968351).
 *   <li>There is no time limit for reading a request, so one slow client holds a thread for ever.
 *   <li>Above 200 idle connections, every answer closes its connection.
 * </ul>
 *
 * <p>Besides, it sets bounds for the head of a request (100 headers, 32 KiB), for connections (10,000;
 * more are closed at once) and for how long an idle one is kept (60 seconds).
 *
 * @param requestTimeout from the first byte of a request to the last of its body; whole seconds,
 *     because that is the JDK's unit (JDK-8387598: its documentation says milliseconds)
 * @param responseTimeout from there to the last byte of the answer, the handler's time included;
 *     whole seconds; the connection is closed, the handler is not interrupted
 */
public record ServerSettings(Duration requestTimeout, Duration responseTimeout) {
  /**
   * So much of a body that nobody wants is read nevertheless: closing a connection with unread bytes
   * resets it, and the client may lose the answer that says what is wrong. The JDK's default is 64 KiB.
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

  /** 10 seconds for a request, 60 for its answer. */
  public static ServerSettings defaults() {
    return new ServerSettings(REQUEST_TIMEOUT, RESPONSE_TIMEOUT);
  }

  /** Sets the properties that are not set, and returns them all with the values in force. */
  public Map<String, String> apply() {
    Map<String, String> effective = new LinkedHashMap<>();
    properties()
        .forEach(
            (name, value) -> {
              if (System.getProperty(name) == null) {
                System.setProperty(name, value);
              }
              effective.put(name, System.getProperty(name));
            });
    return effective;
  }

  /** Returns the limit for responses that is in force in this JVM, in nanoseconds; 0 if none is. */
  static long responseTimeoutNanos() {
    return TimeUnit.SECONDS.toNanos(Math.max(0, Long.getLong(engine() + ".maxRspTime", 0)));
  }

  /** Another engine on the class path has the same properties, under the name of its own package. */
  private static String engine() {
    return HttpServerProvider.provider().getClass().getPackageName();
  }

  private Map<String, String> properties() {
    String engine = engine();
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put(engine + ".nodelay", "true");
    properties.put(engine + ".maxReqTime", Long.toString(requestTimeout.toSeconds()));
    properties.put(engine + ".maxRspTime", Long.toString(responseTimeout.toSeconds()));
    properties.put(engine + ".drainAmount", Integer.toString(MAX_DRAINED_BYTES));
    properties.put(engine + ".maxIdleConnections", "10000");
    properties.put("jdk.httpserver.maxConnections", "10000");
    // Longer than a client keeps an idle connection (30 s in the JDK's), so that it is the client
    // who closes, and never while a request is on its way.
    properties.put(engine + ".idleInterval", "60");
    properties.put(engine + ".maxReqHeaders", "100");
    properties.put(engine + ".maxReqHeaderSize", "32768"); // Four times an 8 KiB cookie.
    return properties;
  }
}
