// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Frames by RFC 9113, sections 4 and 6: each is written as length, type, flags, stream and payload.
 */
@Timeout(60)
class FrameReaderTest {
  private static final int MAX_BLOCK_BYTES = 100;
  private static final String PING = "000008 06 00 00000000 0102030405060708";

  private static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex.replace(" ", ""));
  }

  private static FrameReader reader(InputStream in, boolean isServer) {
    return new FrameReader(in, isServer, Frame.DEFAULT_MAX_BYTES, MAX_BLOCK_BYTES);
  }

  private static FrameReader reader(String hex) {
    return reader(new ByteArrayInputStream(bytes(hex)), true);
  }

  @ParameterizedTest
  @CsvSource({
    // Section 4: the length and the reserved bit.
    "000000 00 00 00000001, 0, 1, ''",
    "000003 00 01 80000001 616263, 0, 1, 616263",
    "000001 00 00 ffffffff 61, 0, 2147483647, 61",
    // 6.1: padding, which may be all of it.
    "000005 00 08 00000001 01 616263 00, 0, 1, 616263",
    "000004 00 08 00000001 00 616263, 0, 1, 616263",
    "000004 00 08 00000001 03 000000, 0, 1, ''",
    "000001 00 08 00000001 00, 0, 1, ''",
    // 6.2: priority, also beside padding.
    "000001 01 04 00000001 82, 1, 1, 82",
    "000000 01 05 00000001, 1, 1, ''",
    "000006 01 24 00000003 00000001 10 82, 1, 3, 82",
    "000005 01 24 00000003 80000000 10, 1, 3, ''",
    "000008 01 2c 00000003 01 00000001 10 82 00, 1, 3, 82",
    // 6.3 to 6.9.
    "000005 02 00 00000003 80000001 ff, 2, 3, 80000001ff",
    "000004 03 00 00000001 00000008, 3, 1, 00000008",
    "000004 03 00 00000001 ffffffff, 3, 1, ffffffff",
    "000000 04 00 00000000, 4, 0, ''",
    "000000 04 01 00000000, 4, 0, ''",
    "000008 06 00 00000000 0102030405060708, 6, 0, 0102030405060708",
    "000008 06 01 00000000 0102030405060708, 6, 0, 0102030405060708",
    "000008 07 00 00000000 0000000100000002, 7, 0, 0000000100000002",
    "000009 07 00 00000000 000000010000000261, 7, 0, 000000010000000261",
    "000004 08 00 00000000 00000001, 8, 0, 00000001",
    "000004 08 00 00000001 ffffffff, 8, 1, ffffffff",
    // 4.1 and 5.5: unknown types, and flags without a meaning.
    "000002 0a ff 00000000 0102, 10, 0, 0102",
    "000000 ff 00 00000005, 255, 5, ''",
    "000001 00 f6 00000001 61, 0, 1, 61",
    "000008 06 fe 00000000 0102030405060708, 6, 0, 0102030405060708",
  })
  void validFramesAreRead(String hex, int type, int streamId, String payload) throws Exception {
    FrameReader reader = reader(hex + PING);
    Frame frame = reader.read();
    assertThat(frame.type()).isEqualTo(type);
    assertThat(frame.streamId()).isEqualTo(streamId);
    assertThat(frame.payload()).isEqualTo(bytes(payload));
    assertThat(frame.flowBytes()).isEqualTo(bytes(hex).length - 9);
    assertThat(reader.read().type()).isEqualTo(Frame.PING);
    assertThat(reader.read()).isNull();
  }

  @ParameterizedTest
  @CsvSource({
    // 4.2: the bound of a payload, whatever the type.
    "004001 00 00 00000001, FRAME_SIZE_ERROR",
    "004001 01 04 00000001, FRAME_SIZE_ERROR",
    "ffffff ff 00 00000000, FRAME_SIZE_ERROR",
    // 6.1
    "000001 00 00 00000000 61, PROTOCOL_ERROR",
    "000001 00 00 80000000 61, PROTOCOL_ERROR",
    "000001 00 08 00000001 01, PROTOCOL_ERROR",
    "000004 00 08 00000001 04 616263, PROTOCOL_ERROR",
    "000004 00 08 00000001 ff 616263, PROTOCOL_ERROR",
    // 6.2
    "000001 01 04 00000000 82, PROTOCOL_ERROR",
    "000000 01 0c 00000001, FRAME_SIZE_ERROR",
    "000002 01 0c 00000001 02 82, PROTOCOL_ERROR",
    "000004 01 24 00000001 00000000, FRAME_SIZE_ERROR",
    "000006 01 2c 00000001 01 00000000 00, PROTOCOL_ERROR",
    "000006 01 24 00000003 00000003 10 82, PROTOCOL_ERROR",
    "000006 01 24 00000003 80000003 10 82, PROTOCOL_ERROR",
    // 6.3
    "000005 02 00 00000000 00000001 ff, PROTOCOL_ERROR",
    // 6.4
    "000004 03 00 00000000 00000008, PROTOCOL_ERROR",
    "000003 03 00 00000001 000000, FRAME_SIZE_ERROR",
    "000005 03 00 00000001 0000000000, FRAME_SIZE_ERROR",
    // 6.5
    "000000 04 00 00000001, PROTOCOL_ERROR",
    "000000 04 01 00000001, PROTOCOL_ERROR",
    "000006 04 01 00000000 000300000001, FRAME_SIZE_ERROR",
    "000005 04 00 00000000 0003000000, FRAME_SIZE_ERROR",
    "000007 04 00 00000000 00030000000100, FRAME_SIZE_ERROR",
    // 6.6: a server has no pushes to get.
    "000005 05 04 00000001 00000002 82, PROTOCOL_ERROR",
    // 6.7
    "000008 06 00 00000001 0102030405060708, PROTOCOL_ERROR",
    "000007 06 00 00000000 01020304050607, FRAME_SIZE_ERROR",
    "000009 06 01 00000000 010203040506070809, FRAME_SIZE_ERROR",
    // 6.8
    "000008 07 00 00000001 0000000100000002, PROTOCOL_ERROR",
    "000007 07 00 00000000 00000001000000, FRAME_SIZE_ERROR",
    // 6.9
    "000003 08 00 00000001 000001, FRAME_SIZE_ERROR",
    "000005 08 00 00000000 0000000100, FRAME_SIZE_ERROR",
    "000004 08 00 00000000 00000000, PROTOCOL_ERROR",
    "000004 08 00 00000000 80000000, PROTOCOL_ERROR",
    // 6.10
    "000001 09 04 00000001 82, PROTOCOL_ERROR",
    "000000 01 00 00000001 000000 00 00 00000001, PROTOCOL_ERROR",
    "000000 01 00 00000001 000000 09 04 00000003, PROTOCOL_ERROR",
    "000000 01 00 00000001 000000 01 04 00000001, PROTOCOL_ERROR",
    "000000 01 00 00000001 000000 0a 00 00000001, PROTOCOL_ERROR",
    "000000 01 00 00000001 000004 08 00 00000000 00000001, PROTOCOL_ERROR",
    "000000 01 00 00000001 000000 09 00 00000001 000000 04 00 00000000, PROTOCOL_ERROR",
    "000000 01 04 00000001 000000 09 04 00000001, PROTOCOL_ERROR",
  })
  void errorsOfTheConnection(String hex, ErrorCode code) {
    FrameReader reader = reader(hex);
    assertThatThrownBy(
            () -> {
              while (reader.read() != null) {}
            })
        .isInstanceOfSatisfying(
            Http2Exception.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e.streamId()).isZero();
            });
  }

  @ParameterizedTest
  @CsvSource({
    "000000 00 08 00000005, FRAME_SIZE_ERROR",
    "000004 02 00 00000005 00000001, FRAME_SIZE_ERROR",
    "000006 02 00 00000005 0000000100ff, FRAME_SIZE_ERROR",
    "000005 02 00 00000005 00000005 ff, PROTOCOL_ERROR",
    "000004 08 00 00000005 00000000, PROTOCOL_ERROR",
    "000004 08 00 00000005 80000000, PROTOCOL_ERROR",
  })
  void errorsOfAStreamAreFollowedByTheNextFrame(String hex, ErrorCode code) throws Exception {
    FrameReader reader = reader(hex + PING);
    assertThatThrownBy(reader::read)
        .isInstanceOfSatisfying(
            Http2Exception.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e.streamId()).isEqualTo(5);
            });
    assertThat(reader.read().type()).isEqualTo(Frame.PING);
  }

  @ParameterizedTest // Section 6.5.2; an empty code: valid.
  @CsvSource({
    "0001ffffffff, '', ''",
    "000200000000, '', ''",
    "000200000001, '', PROTOCOL_ERROR",
    "000200000002, PROTOCOL_ERROR, PROTOCOL_ERROR",
    "0003ffffffff, '', ''",
    "00047fffffff, '', ''",
    "000480000000, FLOW_CONTROL_ERROR, FLOW_CONTROL_ERROR",
    "000500004000, '', ''",
    "000500003fff, PROTOCOL_ERROR, PROTOCOL_ERROR",
    "000500ffffff, '', ''",
    "000501000000, PROTOCOL_ERROR, PROTOCOL_ERROR",
    "0006ffffffff, '', ''",
    "00070000ffff, '', ''",
    "fe0300000001, '', ''",
  })
  void valuesOfSettingsAreChecked(String setting, String ofClient, String ofServer) {
    byte[] frame = bytes("00000c 04 00 00000000 000300000001" + setting);
    assertThat(codeOf(reader(new ByteArrayInputStream(frame), true))).isEqualTo(ofClient);
    assertThat(codeOf(reader(new ByteArrayInputStream(frame), false))).isEqualTo(ofServer);
  }

  private static String codeOf(FrameReader reader) {
    try {
      assertThat(Setting.of(reader.read())).hasSize(2);
      return "";
    } catch (Http2Exception e) {
      assertThat(e.streamId()).isZero();
      return e.code().name();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test // The last one of an id counts, so the order does.
  void settingsKeepTheirOrder() throws Exception {
    Frame frame = reader("000012 04 00 00000000 000400000001 fe03ffffffff 00047fffffff").read();
    assertThat(Setting.of(frame))
        .containsExactly(
            new Setting(Setting.INITIAL_WINDOW_SIZE, 1),
            new Setting(0xfe03, 0xffffffffL),
            new Setting(Setting.INITIAL_WINDOW_SIZE, Integer.MAX_VALUE));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 100})
  void headerBlockIsReadAsOne(int pieces) throws Exception {
    InputStream slow =
        new ByteArrayInputStream(
            bytes(
                "000003 01 09 00000007 01 82 00"
                    + "000000 09 00 00000007"
                    + "000002 09 f4 00000007 84 86"
                    + PING)) {
          @Override
          public synchronized int read(byte[] to, int offset, int length) {
            return super.read(to, offset, Math.min(length, pieces));
          }
        };
    FrameReader reader = reader(slow, true);
    Frame frame = reader.read();
    assertThat(frame.payload()).isEqualTo(bytes("828486"));
    assertThat(frame.has(Frame.END_STREAM)).isTrue();
    assertThat(frame.streamId()).isEqualTo(7);
    assertThat(reader.read().type()).isEqualTo(Frame.PING);
  }

  @ParameterizedTest // Each frame counts 9 bytes, so that empty ones end, too.
  @CsvSource({
    "101, 04, 0, 0, false",
    "100, 04, 0, 0, true",
    "82, 00, 1, 0, true",
    "83, 00, 1, 0, false",
    "50, 00, 1, 50, true",
    "50, 00, 1, 51, false",
    "0, 00, 10, 0, true",
    "0, 00, 11, 0, false",
    "0, 00, 1000000, 0, false",
  })
  void headerBlockIsBounded(int first, String flags, int others, int each, boolean isValid)
      throws Exception {
    String head = String.format("%06x", first) + "01" + flags + "00000001" + "82".repeat(first);
    byte[] start = bytes(head);
    InputStream in =
        new SequenceInputStream(new ByteArrayInputStream(start), new Continuations(others, each));
    FrameReader reader = reader(in, true);
    if (isValid) {
      assertThat(reader.read().payload()).hasSize(first + others * each);
    } else {
      assertThatThrownBy(reader::read)
          .isInstanceOfSatisfying(
              Http2Exception.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.ENHANCE_YOUR_CALM));
    }
  }

  /** CONTINUATION frames of one size; the last one ends the block. */
  private static final class Continuations extends InputStream {
    private final int frameBytes;
    private final int count;
    private final byte[] frame;
    private long position;

    Continuations(int count, int each) {
      this.frame =
          bytes(String.format("%06x", each) + "09" + "00" + "00000001" + "82".repeat(each));
      this.frameBytes = frame.length;
      this.count = count;
    }

    @Override
    public int read() {
      if (position == (long) count * frameBytes) {
        return -1;
      }
      boolean isLast = position >= (long) (count - 1) * frameBytes;
      int at = (int) (position++ % frameBytes);
      return isLast && at == 4 ? Frame.END_HEADERS : frame[at] & 0xff;
    }
  }

  @Test
  void endWithinAFrameIsNoEnd() throws Exception {
    byte[] whole = bytes("000000 01 00 00000001 000001 09 04 00000001 82");
    assertThat(reader(new ByteArrayInputStream(whole), true).read().payload()).hasSize(1);
    assertThat(reader(InputStream.nullInputStream(), true).read()).isNull();
    for (int length = 1; length < whole.length; length++) {
      FrameReader reader = reader(new ByteArrayInputStream(whole, 0, length), true);
      assertThatThrownBy(reader::read).as("%d bytes", length).isInstanceOf(EOFException.class);
    }
  }

  @Test
  void prefaceIsRead() throws Exception {
    byte[] preface = FrameReader.PREFACE.getBytes(StandardCharsets.US_ASCII);
    assertThat(preface).hasSize(24);
    reader(new ByteArrayInputStream(preface), true).readPreface();

    FrameReader cut = reader(new ByteArrayInputStream(preface, 0, 23), true);
    assertThatThrownBy(cut::readPreface).isInstanceOf(EOFException.class);
  }

  @Test // No more is read than it takes: such a client waits for its response.
  void clientOfHttp1IsAnError() {
    InputStream in =
        new ByteArrayInputStream("GET / HTTP/1.1\r\n".getBytes(StandardCharsets.US_ASCII));
    assertThatThrownBy(() -> reader(in, true).readPreface())
        .isInstanceOfSatisfying(
            Http2Exception.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.PROTOCOL_ERROR));
  }

  @ParameterizedTest
  @CsvSource({"0, NO_ERROR", "13, HTTP_1_1_REQUIRED", "14, INTERNAL_ERROR", "-1, INTERNAL_ERROR"})
  void unknownErrorCodesAreInternalErrors(int code, ErrorCode expected) {
    assertThat(ErrorCode.of(code)).isEqualTo(expected);
  }
}
