// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Buffered input of a connection. */
class InputTest {
  /** Sends two bytes, and then nothing. */
  private static final class Source extends InputStream {
    @Override
    public int read() {
      throw new AssertionError("waits for more");
    }

    @Override
    public int read(byte[] to, int offset, int length) {
      to[offset] = 'a';
      to[offset + 1] = 'b';
      return 2;
    }
  }

  @Test
  void readingWhatHasArrivedDoesNotWaitForMore() throws Exception {
    Input input = new Input(new Source(), 100);
    assertThat(input.readNBytes(2)).isEqualTo("ab".getBytes(StandardCharsets.US_ASCII));
    assertThat(input.available()).isZero(); // Also not for the end of the array, of 0 bytes.
  }
}
