// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.time.Duration;

/**
 * Limits of one server.
 *
 * @param maxConnections more are closed as soon as they are accepted
 * @param maxHandshakes TLS handshakes under way; one more closes the oldest
 * @param maxHeadBytes the longest head of a request, trailers included; more is a 431, or a 414 if
 *     the request line alone is longer
 * @param maxFields the greatest number of header fields, or of trailer fields; more is a 431
 * @param maxDrainedBytes how much of a body that the handler did not read is read and discarded, so
 *     that the connection can serve the next request; it is closed if there is more
 * @param maxThreads the greatest number of threads if the server has no executor and runs on
 *     platform threads (before JDK 24)
 * @param timeouts the time limits
 */
public record EngineSettings(
    int maxConnections,
    int maxHandshakes,
    int maxHeadBytes,
    int maxFields,
    int maxDrainedBytes,
    int maxThreads,
    Timeouts timeouts) {
  private static final int MIN_HEAD_BYTES = 1024;

  /** Checks the ranges. */
  public EngineSettings {
    check("maxConnections", maxConnections, 1);
    check("maxHandshakes", maxHandshakes, 1);
    check("maxHeadBytes", maxHeadBytes, MIN_HEAD_BYTES);
    check("maxFields", maxFields, 1);
    check("maxDrainedBytes", maxDrainedBytes, 0);
    check("maxThreads", maxThreads, 1);
  }

  private static void check(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " < " + least + ": " + value);
    }
  }

  /**
   * Returns the defaults: 10,000 connections, 256 handshakes, heads of 32 KiB with 100 fields, 1 MiB drained, 2,048
   * threads; 10 seconds for a first byte, a head and a request, 60 for a response and an idle
   * connection.
   */
  public static EngineSettings defaults() {
    return new EngineSettings(
        10_000, 256, 32 << 10, 100, 1 << 20, 2048, Timeouts.ofSeconds(10, 60, 60));
  }

  /**
   * Returns the defaults, with the limits that system properties of the JDK's own engine set: {@code
   * jdk.httpserver.maxConnections} and, after {@code kit.engine.} or else {@code
   * sun.net.httpserver.}, {@code maxReqHeaderSize}, {@code maxReqHeaders}, {@code drainAmount}, {@code
   * maxReqTime}, {@code maxRspTime} and {@code idleInterval}, the last three in seconds. A property
   * that is not a positive number is ignored.
   */
  public static EngineSettings ofProperties() {
    EngineSettings defaults = defaults();
    return new EngineSettings(
        number("jdk.httpserver.maxConnections", 1, defaults.maxConnections),
        defaults.maxHandshakes,
        limit("maxReqHeaderSize", MIN_HEAD_BYTES, defaults.maxHeadBytes),
        limit("maxReqHeaders", 1, defaults.maxFields),
        limit("drainAmount", 1, defaults.maxDrainedBytes),
        defaults.maxThreads,
        Timeouts.ofSeconds(
            limit("maxReqTime", 1, 10), limit("maxRspTime", 1, 60), limit("idleInterval", 1, 60)));
  }

  private static int limit(String name, int least, int usual) {
    int jdk = number("sun.net.httpserver." + name, least, usual);
    return number("kit.engine." + name, least, jdk);
  }

  private static int number(String property, int least, int usual) {
    int value = Integer.getInteger(property, usual);
    return value < least ? usual : value;
  }

  /** Returns these settings with another limit of connections. */
  public EngineSettings withMaxConnections(int connections) {
    return new EngineSettings(
        connections, maxHandshakes, maxHeadBytes, maxFields, maxDrainedBytes, maxThreads, timeouts);
  }

  /** Returns these settings with another limit of TLS handshakes under way. */
  public EngineSettings withMaxHandshakes(int handshakes) {
    return new EngineSettings(
        maxConnections, handshakes, maxHeadBytes, maxFields, maxDrainedBytes, maxThreads, timeouts);
  }

  /** Returns these settings with other limits of heads. */
  public EngineSettings withHead(int bytes, int fields) {
    return new EngineSettings(
        maxConnections, maxHandshakes, bytes, fields, maxDrainedBytes, maxThreads, timeouts);
  }

  /** Returns these settings with other time limits of requests and responses. */
  public EngineSettings withTimeouts(Duration head, Duration request, Duration response) {
    return with(new Timeouts(timeouts.firstByte, head, request, response, timeouts.idle));
  }

  /** Returns these settings with other time limits of connections that send nothing. */
  public EngineSettings withIdle(Duration firstByte, Duration idle) {
    return with(new Timeouts(firstByte, timeouts.head, timeouts.request, timeouts.response, idle));
  }

  private EngineSettings with(Timeouts timeouts) {
    return new EngineSettings(
        maxConnections,
        maxHandshakes,
        maxHeadBytes,
        maxFields,
        maxDrainedBytes,
        maxThreads,
        timeouts);
  }

  /**
   * Time limits, 1 ms to 365 days. The connection is closed when one has passed.
   *
   * @param firstByte from the accepted connection to its first byte, a TLS handshake included
   * @param head from the first byte of a request to the end of its head
   * @param request from the first byte of a request to the end of its body
   * @param response from there to the last byte of the response, the handler included
   * @param idle from a response to the first byte of the next request
   */
  public record Timeouts(
      Duration firstByte, Duration head, Duration request, Duration response, Duration idle) {
    private static final Duration LONGEST = Duration.ofDays(365);
    private static final int HEAD_SECONDS = 10; // At most, if a request has longer.

    /** Checks the ranges. */
    public Timeouts {
      check("firstByte", firstByte);
      check("head", head);
      check("request", request);
      check("response", response);
      check("idle", idle);
    }

    private static void check(String name, Duration timeout) {
      if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(LONGEST) > 0) {
        throw new IllegalArgumentException(name + " not in 1 ms to 365 days: " + timeout);
      }
    }

    private static Timeouts ofSeconds(int request, int response, int idle) {
      Duration firstByte = seconds(Math.min(request, idle));
      Duration head = seconds(Math.min(request, HEAD_SECONDS));
      return new Timeouts(firstByte, head, seconds(request), seconds(response), seconds(idle));
    }

    private static Duration seconds(int seconds) {
      return Duration.ofSeconds(Math.min(seconds, LONGEST.toSeconds()));
    }
  }
}
