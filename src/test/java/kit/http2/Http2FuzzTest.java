// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Whatever a client sends, the connection ends, all handlers return, and what the server has sent is
 * valid.
 */
@Timeout(1200)
class Http2FuzzTest {
  private static final int INPUTS = Integer.getInteger("fuzz.connections", 30_000);
  private static final int PREFACE_BYTES = 24 + 9; // And the header of the settings.
  private static final Http2Settings SETTINGS =
      Http2Settings.defaults()
          .withRequests(3, 1024)
          .withTimes(Duration.ofMinutes(10), Duration.ofSeconds(1));

  private final Random random = new Random(7);
  private final AtomicInteger running = new AtomicInteger();
  private int handled;
  private int failed;

  private byte[] frames() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    FrameWriter writer = new FrameWriter(out);
    HpackEncoder encoder = new HpackEncoder(random.nextBoolean());
    writer.preface();
    writer.settings(List.of(new Setting(1 + 3 * random.nextInt(2), random.nextInt(100_000))));
    writer.headers(1, encoder.encode(head()), false);
    int next = 3;
    for (int count = 1 + random.nextInt(12); count > 0; count--) {
      int streamId = Math.max(1, next - 2 * random.nextInt(4));
      boolean isLast = random.nextBoolean();
      switch (random.nextInt(10)) {
        case 0, 1, 2 -> {
          writer.headers(next, encoder.encode(head()), isLast);
          next += 2;
        }
        case 3, 4 -> writer.data(streamId, new byte[300], 0, random.nextInt(300), isLast);
        case 5 -> writer.headers(streamId, encoder.encode(RawHttp2.fields("a", "b")), isLast);
        case 6 -> writer.rstStream(streamId, ErrorCode.CANCEL);
        case 7 -> writer.settings(List.of(new Setting(4, random.nextInt(100_000))));
        case 8 -> writer.ping(new byte[8], isLast);
        default -> writer.windowUpdate(isLast ? 0 : streamId, 1 + random.nextInt(1000));
      }
    }
    return out.toByteArray();
  }

  private List<HeaderField> head() {
    return random.nextInt(5) > 0
        ? RawHttp2.request("POST", "/" + random.nextInt(3), "x-y", "z".repeat(random.nextInt(99)))
        : RawHttp2.request("POST", "/", "content-length", String.valueOf(random.nextInt(9)));
  }

  private byte[] damaged(byte[] frames) {
    byte[] damaged = frames;
    for (int changes = random.nextInt(3); changes > 0; changes--) {
      int at = PREFACE_BYTES + random.nextInt(damaged.length - PREFACE_BYTES);
      switch (random.nextInt(4)) {
        case 0 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> damaged[at] = (byte) random.nextInt(12);
        case 2 -> damaged[at] = (byte) 0xff;
        default -> damaged = Arrays.copyOf(damaged, at + 1);
      }
    }
    return damaged;
  }

  /** Does what handlers do, without waiting. */
  private void handle(Http2Stream stream) {
    running.incrementAndGet();
    handled++;
    try {
      stream.deadline(System.nanoTime()); // Waiting fails.
      byte[] body = stream.body().readNBytes(random.nextInt(2) * 100);
      stream.sendHead(RawHttp2.fields(":status", "200"), random.nextInt(4) == 0);
      stream.sendData(
          new byte[40_100],
          0,
          random.nextInt(random.nextInt(10) == 0 ? 40_000 : 99) + body.length,
          false);
      stream.sendTrailers(stream.trailers());
    } catch (IOException | IllegalStateException e) {
      failed++;
    } finally {
      running.decrementAndGet();
    }
  }

  @Test
  void connectionsEndAndWhatWasSentIsValid() throws Exception {
    int goneAway = 0;
    for (int i = 0; i < INPUTS; i++) {
      byte[] input = damaged(frames());
      MemoryPeer peer = new MemoryPeer(input, random.nextBoolean());
      new ServerConnection(SETTINGS, this::handle, peer, () -> {}).serve();
      assertEquals(0, running.get());
      assertFalse(peer.isBusy(), () -> "busy after " + Arrays.toString(input));
      goneAway += goneAwayAfter(peer.sent()) ? 1 : 0;
    }

    assertTrue(handled > INPUTS / 4 && failed > 0 && goneAway > INPUTS / 10);
  }

  /** Checks what a server has sent; returns whether it ended the connection. */
  private static boolean goneAwayAfter(byte[] sent) throws IOException {
    FrameReader reader = new FrameReader(new ByteArrayInputStream(sent), false, 1 << 20, 1 << 20);
    HpackDecoder decoder = new HpackDecoder(4096, 1 << 20);
    Set<Integer> ended = new HashSet<>();
    boolean isGone = false;
    assertEquals(Frame.SETTINGS, reader.read().type());
    for (Frame frame = reader.read(); frame != null; frame = reader.read()) {
      boolean isOfStream = frame.streamId() > 0 && frame.type() != Frame.WINDOW_UPDATE;
      boolean isReset = frame.type() == Frame.RST_STREAM;
      assertTrue(!isOfStream || isReset || !ended.contains(frame.streamId()));
      if (frame.type() == Frame.HEADERS) {
        decoder.decode(frame.payload(), 0, frame.payload().length);
      }
      if (isReset || isOfStream && frame.has(Frame.END_STREAM)) {
        ended.add(frame.streamId());
      }
      isGone |= frame.type() == Frame.GOAWAY;
    }
    return isGone;
  }
}
