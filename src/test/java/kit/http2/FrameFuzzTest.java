// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertNotSame;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Damaged frames end in frames, an error with a code, or the end of the input. */
@Timeout(600)
class FrameFuzzTest {
  private static final int INPUTS = Integer.getInteger("fuzz.frames", 50_000);
  private static final int MAX_BLOCK_BYTES = 300;

  private final Random random = new Random(5);

  private byte[] frames() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    FrameWriter writer = new FrameWriter(out);
    writer.setMaxFrameBytes(20); // Long blocks have several frames.
    for (int count = 1 + random.nextInt(4); count > 0; count--) {
      int streamId = 1 + 2 * random.nextInt(3);
      switch (random.nextInt(7)) {
        case 0 -> writer.data(streamId, new byte[30], 0, random.nextInt(30), random.nextBoolean());
        case 1 -> writer.headers(streamId, new byte[random.nextInt(50)], random.nextBoolean());
        case 2 -> writer.rstStream(streamId, ErrorCode.CANCEL);
        case 3 -> writer.settings(List.of(new Setting(random.nextInt(8), random.nextInt(100_000))));
        case 4 -> writer.ping(new byte[8], random.nextBoolean());
        case 5 -> writer.goAway(streamId, ErrorCode.NO_ERROR, "debug");
        default -> writer.windowUpdate(streamId, 1 + random.nextInt(1000));
      }
    }
    return out.toByteArray();
  }

  private byte[] damaged(byte[] frames) {
    byte[] damaged = frames;
    for (int changes = random.nextInt(4); changes > 0; changes--) {
      int at = random.nextInt(damaged.length);
      switch (random.nextInt(4)) {
        case 0 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> damaged[at] = (byte) random.nextInt(12);
        case 2 -> damaged[at] = (byte) 0xff;
        default -> damaged = Arrays.copyOf(damaged, at + 1);
      }
    }
    return damaged;
  }

  @Test
  void damagedFramesEndInFramesAnErrorOrTheEnd() throws Exception {
    int read = 0;
    for (int i = 0; i < INPUTS; i++) {
      byte[] input = damaged(frames());
      FrameReader reader =
          new FrameReader(
              new ByteArrayInputStream(input), random.nextBoolean(), 16_384, MAX_BLOCK_BYTES);
      for (boolean isOpen = true; isOpen; ) {
        try {
          Frame frame = reader.read();
          isOpen = frame != null;
          read++;
        } catch (Http2Exception e) {
          isOpen = e.streamId() != 0; // The next frame follows.
          assertNotSame(ErrorCode.NO_ERROR, e.code()); // Of JUnit, as it is fast.
        } catch (EOFException e) {
          isOpen = false;
        }
      }
    }
    assertThat(read).isGreaterThan(INPUTS);
  }
}
