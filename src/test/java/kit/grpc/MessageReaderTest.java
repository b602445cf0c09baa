// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MessageReaderTest {
  private static final int MAX_BYTES = 1000;

  private static MessageReader reader(byte[] body, String encoding) {
    return new MessageReader(new ByteArrayInputStream(body), encoding, MAX_BYTES);
  }

  /** Returns a byte at a time, as a slow peer sends it. */
  private static InputStream slow(byte[] body) {
    return new ByteArrayInputStream(body) {
      @Override
      public int read(byte[] to, int offset, int length) {
        return super.read(to, offset, Math.min(1, length));
      }
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"identity", "gzip"})
  void messagesOfAnyLengthUpToTheLimit(String encoding) throws Exception {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    byte[] longest = new byte[MAX_BYTES];
    new Random(3).nextBytes(longest);
    byte[] text = "text".getBytes(UTF_8);
    for (byte[] message : new byte[][] {text, {}, Arrays.copyOf(longest, 950)}) {
      body.writeBytes(MessageWriter.framed(message, encoding.equals("gzip")));
    }
    body.writeBytes(MessageWriter.framed(longest, false));
    MessageReader reader = new MessageReader(slow(body.toByteArray()), encoding, MAX_BYTES);

    assertThat(reader.next()).isEqualTo(text);
    assertThat(reader.next()).isEmpty();
    assertThat(reader.next()).isEqualTo(Arrays.copyOf(longest, 950));
    assertThat(reader.next()).isEqualTo(longest);
    assertThat(reader.next()).isNull();
  }

  @ParameterizedTest
  @CsvSource({
    "00, identity, 'INTERNAL: message cut off after 0 of 4 bytes'",
    "000000, identity, 'INTERNAL: message cut off after 2 of 4 bytes'",
    "0000000003aabb, identity, 'INTERNAL: message cut off after 2 of 3 bytes'",
    "00000003e9, identity, 'RESOURCE_EXHAUSTED: message of 1001 bytes, at most 1000'",
    "00ffffffff, identity, 'RESOURCE_EXHAUSTED: message of 4294967295 bytes, at most 1000'",
    "0200000000, gzip, 'INTERNAL: compressed flag not 0 or 1: 2'",
    "0100000001aa, identity, 'INTERNAL: compressed message without grpc-encoding'",
    "0100000001aa, gzip, 'INTERNAL: message is not valid gzip'",
    "0100000000, gzip, 'INTERNAL: message is not valid gzip'"
  })
  void malformedBodyIsRejected(String hex, String encoding, String problem) {
    assertThatThrownBy(reader(HexFormat.of().parseHex(hex), encoding)::next)
        .isInstanceOf(GrpcException.class)
        .hasToString(problem);
  }

  @ParameterizedTest
  @ValueSource(strings = {"identity", "gzip"})
  void messageCutAnywhereIsRejected(String encoding) throws Exception {
    byte[] message = "a message that is sent twice".getBytes(UTF_8);
    byte[] one = MessageWriter.framed(message, encoding.equals("gzip"));
    byte[] two = Arrays.copyOf(one, 2 * one.length);
    System.arraycopy(one, 0, two, one.length, one.length);
    for (int length = one.length + 1; length < two.length; length++) {
      byte[] cut = Arrays.copyOf(two, length);
      MessageReader reader = new MessageReader(slow(cut), encoding, MAX_BYTES);

      assertThat(reader.next()).isEqualTo(message);
      assertThatThrownBy(reader::next)
          .as("%d of %d bytes", length, two.length)
          .isInstanceOf(GrpcException.class)
          .hasMessageContaining("message cut off after");
    }
  }

  @Test
  void inflatedMessageIsBounded() throws Exception {
    byte[] bomb = MessageWriter.framed(new byte[50_000], true);
    assertThat(bomb.length).isLessThan(MAX_BYTES);

    assertThatThrownBy(reader(bomb, "gzip")::next)
        .hasToString("RESOURCE_EXHAUSTED: message of more than 1000 bytes inflated, at most 1000");
    assertThat(reader(MessageWriter.framed(new byte[MAX_BYTES], true), "gzip").next())
        .hasSize(MAX_BYTES);
  }

  @Test
  void unknownEncodingIsRejected() {
    assertThatThrownBy(() -> reader(new byte[0], "snappy"))
        .hasToString("UNIMPLEMENTED: unknown grpc-encoding; known: identity, gzip");
  }

  @Test
  void damagedBodiesEndInMessagesOrAnError() throws IOException {
    Random random = new Random(11);
    byte[] valid = MessageWriter.framed(new byte[300], true);
    int rejected = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] body = Arrays.copyOf(valid, 1 + random.nextInt(valid.length));
      body[random.nextInt(body.length)] = (byte) random.nextInt();
      try {
        byte[] message = reader(body, "gzip").next();
        assertThat(message.length).isLessThanOrEqualTo(MAX_BYTES);
      } catch (GrpcException e) {
        rejected++;
      }
    }
    assertThat(rejected).isGreaterThan(1000);
  }
}
