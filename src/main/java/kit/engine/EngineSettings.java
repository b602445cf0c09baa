// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.time.Duration;

/**
 * Limits of one server.
 *
 * @param maxConnections more are closed as soon as they are accepted
 * @param maxHeadBytes the longest head of a request, trailers included; more is a 431, or a 414 if
 *     the request line alone is longer
 * @param maxFields the greatest number of header fields, or of trailer fields; more is a 431
 * @param maxDrainedBytes how much of a body that the handler did not read is read and discarded, so
 *     that the connection can serve the next request; it is closed if there is more
 * @param firstByteTimeout from the accepted connection to its first byte
 * @param headTimeout from the first byte of a request to the end of its head
 * @param requestTimeout from the first byte of a request to the end of its body
 * @param responseTimeout from there to the last byte of the response, the handler included
 * @param idleTimeout from a response to the first byte of the next request
 * @param maxThreads the greatest number of threads if the server has no executor and runs on
 *     platform threads (before JDK 24)
 */
public record EngineSettings(
    int maxConnections,
    int maxHeadBytes,
    int maxFields,
    int maxDrainedBytes,
    Duration firstByteTimeout,
    Duration headTimeout,
    Duration requestTimeout,
    Duration responseTimeout,
    Duration idleTimeout,
    int maxThreads) {
  private static final int MIN_HEAD_BYTES = 1024;
  private static final Duration LONGEST = Duration.ofDays(365);
  private static final String OWN = "kit.engine.";
  private static final String JDK = "sun.net.httpserver.";

  /** Checks the ranges. */
  public EngineSettings {
    check("maxConnections", maxConnections, 1);
    check("maxHeadBytes", maxHeadBytes, MIN_HEAD_BYTES);
    check("maxFields", maxFields, 1);
    check("maxDrainedBytes", maxDrainedBytes, 0);
    check("maxThreads", maxThreads, 1);
    check("firstByteTimeout", firstByteTimeout);
    check("headTimeout", headTimeout);
    check("requestTimeout", requestTimeout);
    check("responseTimeout", responseTimeout);
    check("idleTimeout", idleTimeout);
  }

  private static void check(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " < " + least + ": " + value);
    }
  }

  private static void check(String name, Duration timeout) {
    if (timeout.toMillis() < 1 || timeout.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(name + " not in 1 ms to 365 days: " + timeout);
    }
  }

  /**
   * Returns the defaults: 10,000 connections, heads of 32 KiB with 100 fields, 1 MiB drained, 10
   * seconds for a first byte, a head and a request, 60 for a response and an idle connection, 2,048
   * threads.
   */
  public static EngineSettings defaults() {
    Duration arrival = Duration.ofSeconds(10);
    Duration minute = Duration.ofMinutes(1);
    return new EngineSettings(
        10_000, 32 << 10, 100, 1 << 20, arrival, arrival, arrival, minute, minute, 2048);
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
    Duration request = seconds("maxReqTime", defaults.requestTimeout);
    Duration idle = seconds("idleInterval", defaults.idleTimeout);
    return new EngineSettings(
        number("jdk.httpserver.maxConnections", 1, defaults.maxConnections),
        limit("maxReqHeaderSize", MIN_HEAD_BYTES, defaults.maxHeadBytes),
        limit("maxReqHeaders", 1, defaults.maxFields),
        limit("drainAmount", 1, defaults.maxDrainedBytes),
        shorter(request, idle),
        shorter(request, defaults.headTimeout),
        request,
        seconds("maxRspTime", defaults.responseTimeout),
        idle,
        defaults.maxThreads);
  }

  private static Duration seconds(String name, Duration usual) {
    int seconds = limit(name, 1, 0);
    return seconds == 0 ? usual : shorter(Duration.ofSeconds(seconds), LONGEST);
  }

  private static int limit(String name, int least, int usual) {
    return number(OWN + name, least, number(JDK + name, least, usual));
  }

  private static int number(String property, int least, int usual) {
    int value = Integer.getInteger(property, usual);
    return value < least ? usual : value;
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  /** Returns these settings with another limit of connections. */
  public EngineSettings withMaxConnections(int maxConnections) {
    return new EngineSettings(
        maxConnections,
        maxHeadBytes,
        maxFields,
        maxDrainedBytes,
        firstByteTimeout,
        headTimeout,
        requestTimeout,
        responseTimeout,
        idleTimeout,
        maxThreads);
  }

  /** Returns these settings with other limits of heads. */
  public EngineSettings withHead(int maxHeadBytes, int maxFields) {
    return new EngineSettings(
        maxConnections,
        maxHeadBytes,
        maxFields,
        maxDrainedBytes,
        firstByteTimeout,
        headTimeout,
        requestTimeout,
        responseTimeout,
        idleTimeout,
        maxThreads);
  }

  /** Returns these settings with other time limits of requests and responses. */
  public EngineSettings withTimeouts(
      Duration headTimeout, Duration requestTimeout, Duration responseTimeout) {
    return new EngineSettings(
        maxConnections,
        maxHeadBytes,
        maxFields,
        maxDrainedBytes,
        firstByteTimeout,
        headTimeout,
        requestTimeout,
        responseTimeout,
        idleTimeout,
        maxThreads);
  }

  /** Returns these settings with other time limits of connections that send nothing. */
  public EngineSettings withIdle(Duration firstByteTimeout, Duration idleTimeout) {
    return new EngineSettings(
        maxConnections,
        maxHeadBytes,
        maxFields,
        maxDrainedBytes,
        firstByteTimeout,
        headTimeout,
        requestTimeout,
        responseTimeout,
        idleTimeout,
        maxThreads);
  }
}
