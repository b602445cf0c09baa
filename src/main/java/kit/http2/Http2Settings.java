// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.time.Duration;
import java.util.List;

/**
 * Limits of one connection, of a server or a client.
 *
 * @param maxConcurrentStreams the greatest number of requests of the peer at a time; a request counts
 *     until its handler has returned; more are refused with REFUSED_STREAM
 * @param maxHeaderListBytes the bound of the header fields of a request or response, and of its
 *     trailers: names, values, and 32 bytes for each field; a larger list ends its stream with
 *     ENHANCE_YOUR_CALM, one that is larger than four times the bound and 64 KiB the connection
 * @param streamWindowBytes how much the peer may send on a stream before it is read; at least 64 KiB
 * @param connectionWindowBytes the same for all streams of a connection; at least 64 KiB
 * @param idle after so long without requests, a server ends a connection with GOAWAY
 * @param keepAlive after so long without a frame of the peer, it is sent a PING; after twice as long,
 *     the connection is closed; a client does so only while it has requests in flight
 */
public record Http2Settings(
    int maxConcurrentStreams,
    int maxHeaderListBytes,
    int streamWindowBytes,
    int connectionWindowBytes,
    Duration idle,
    Duration keepAlive) {
  /** The window of RFC 9113: what a peer may send before it has read our settings. */
  static final int DEFAULT_WINDOW_BYTES = 65_535;

  // Below the default, a peer could exceed the window before it has read the settings.
  private static final int MIN_WINDOW_BYTES = DEFAULT_WINDOW_BYTES + 1;
  private static final int MIN_BLOCK_BYTES = 64 << 10;

  private static final Duration LONGEST = Duration.ofDays(365);

  /** Checks the ranges. */
  public Http2Settings {
    check("maxConcurrentStreams", maxConcurrentStreams, 1);
    check("maxHeaderListBytes", maxHeaderListBytes, 1024);
    check("streamWindowBytes", streamWindowBytes, MIN_WINDOW_BYTES);
    check("connectionWindowBytes", connectionWindowBytes, MIN_WINDOW_BYTES);
    check("idle", idle);
    check("keepAlive", keepAlive);
  }

  private static void check(String name, int value, int least) {
    if (value < least || value > 1 << 30) {
      throw new IllegalArgumentException(name + " not in " + least + " to 2^30: " + value);
    }
  }

  private static void check(String name, Duration time) {
    if (time.compareTo(Duration.ofMillis(1)) < 0 || time.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(name + " not in 1 ms to 365 days: " + time);
    }
  }

  /**
   * Returns the defaults: 100 streams, header lists of 16 KiB (gRPC peers limit theirs to 8 KiB),
   * windows of 256 KiB for a stream and 1 MiB for a connection; 5 minutes idle, a PING after 60
   * seconds.
   */
  public static Http2Settings defaults() {
    return new Http2Settings(
        100, 16 << 10, 256 << 10, 1 << 20, Duration.ofMinutes(5), Duration.ofSeconds(60));
  }

  /**
   * Returns the defaults for clients: a PING after 5 minutes. Servers of gRPC end connections that
   * send them more often.
   */
  public static Http2Settings clientDefaults() {
    Http2Settings defaults = defaults();
    return defaults.withTimes(defaults.idle, Duration.ofMinutes(5).plusSeconds(5));
  }

  /** Returns these settings with other limits of requests. */
  public Http2Settings withRequests(int concurrentStreams, int headerListBytes) {
    return new Http2Settings(
        concurrentStreams,
        headerListBytes,
        streamWindowBytes,
        connectionWindowBytes,
        idle,
        keepAlive);
  }

  /** Returns these settings with other windows, in bytes. */
  public Http2Settings withWindows(int stream, int connection) {
    return new Http2Settings(
        maxConcurrentStreams, maxHeaderListBytes, stream, connection, idle, keepAlive);
  }

  /** Returns these settings with other time limits. */
  public Http2Settings withTimes(Duration idle, Duration keepAlive) {
    return new Http2Settings(
        maxConcurrentStreams,
        maxHeaderListBytes,
        streamWindowBytes,
        connectionWindowBytes,
        idle,
        keepAlive);
  }

  /** Returns the bound of the encoded fields: larger lists are decoded, for the table of HPACK. */
  int maxBlockBytes() {
    return (int) Math.min(Integer.MAX_VALUE, Math.max(MIN_BLOCK_BYTES, 4L * maxHeaderListBytes));
  }

  /** Returns what the peer is told; {@code isServer}: by a server, which never pushes. */
  List<Setting> announced(boolean isServer) {
    return List.of(
        isServer
            ? new Setting(Setting.MAX_CONCURRENT_STREAMS, maxConcurrentStreams)
            : new Setting(Setting.ENABLE_PUSH, 0),
        new Setting(Setting.INITIAL_WINDOW_SIZE, streamWindowBytes),
        new Setting(Setting.MAX_HEADER_LIST_SIZE, maxHeaderListBytes));
  }
}
