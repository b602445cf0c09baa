// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.Http2Exception.require;

import java.util.function.LongSupplier;

/**
 * Bounds what costs a peer little and this side more: frames that carry nothing, and streams that do
 * not end. Two token buckets, as in nghttp2, whose tokens return with time and with useful work.
 *
 * <p>Thread-safe.
 */
final class FloodGuard {
  private static final int BURST = 1000;
  private static final int PER_SECOND = 100;
  private static final int SMALL_BYTES = 256;

  // A peer of one useful frame sends two window updates and a ping; or updates for each KiB.
  private static final int EARNED = 4;
  private static final int FRUGAL_BYTES = 1024;

  private final LongSupplier nanoTime;

  // Guarded by this.
  private final Bucket frames;
  private final Bucket resets;

  FloodGuard(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    frames = new Bucket(nanoTime.getAsLong());
    resets = new Bucket(nanoTime.getAsLong());
  }

  /** Counts a frame that carries nothing. */
  synchronized void useless() throws Http2Exception {
    require(
        frames.takes(nanoTime.getAsLong()),
        ErrorCode.ENHANCE_YOUR_CALM,
        "too many frames that carry nothing");
  }

  /**
   * Counts a stream that was reset before its end: by the peer (CVE-2023-44487), or by this side for
   * an error of the peer (CVE-2025-8671).
   */
  synchronized void reset() throws Http2Exception {
    require(
        resets.takes(nanoTime.getAsLong()), ErrorCode.ENHANCE_YOUR_CALM, "too many streams reset");
  }

  /** Counts DATA or a request of the peer, which is useful. */
  synchronized void received() {
    frames.add(EARNED);
  }

  /** Counts a stream that was served. */
  synchronized void served() {
    frames.add(EARNED);
    resets.add(1);
  }

  /**
   * Counts DATA of this side.
   *
   * @param wanted how much there was; if the window permits little of it, the peer may want many small
   *     frames: CVE-2019-9511
   */
  synchronized void sent(int bytes, int wanted) throws Http2Exception {
    if (bytes < Math.min(wanted, SMALL_BYTES)) {
      useless();
    } else {
      frames.add(EARNED + bytes / FRUGAL_BYTES);
    }
  }

  private static final class Bucket {
    private static final long NANOS_PER_TOKEN = 1_000_000_000 / PER_SECOND;
    private long tokens = BURST;
    private long updatedAtNanos;

    Bucket(long nowNanos) {
      updatedAtNanos = nowNanos;
    }

    boolean takes(long nowNanos) {
      long returned = (nowNanos - updatedAtNanos) / NANOS_PER_TOKEN;
      updatedAtNanos += returned * NANOS_PER_TOKEN;
      add(returned);
      tokens--;
      return tokens >= 0;
    }

    void add(long count) {
      tokens = Math.min(BURST, tokens + count);
    }
  }
}
