// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class FrameWriterTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final FrameWriter writer = new FrameWriter(out);

  private String written() {
    String hex = HexFormat.of().formatHex(out.toByteArray());
    out.reset();
    return hex;
  }

  private List<Frame> frames() throws Exception {
    FrameReader reader =
        new FrameReader(new ByteArrayInputStream(out.toByteArray()), true, 1 << 24, 1 << 24);
    List<Frame> frames = new ArrayList<>();
    for (Frame frame = reader.read(); frame != null; frame = reader.read()) {
      frames.add(frame);
    }
    return frames;
  }

  @Test
  void framesHaveTheBytesOfTheRfc() throws Exception {
    writer.data(1, new byte[] {9, 97, 98, 9}, 1, 2, true);
    assertThat(written()).isEqualTo("000002" + "00" + "01" + "00000001" + "6162");

    writer.headers(3, new byte[] {(byte) 0x82}, false);
    assertThat(written()).isEqualTo("000001" + "01" + "04" + "00000003" + "82");

    writer.rstStream(3, ErrorCode.CANCEL);
    assertThat(written()).isEqualTo("000004" + "03" + "00" + "00000003" + "00000008");

    writer.settings(
        List.of(
            new Setting(Setting.MAX_CONCURRENT_STREAMS, 100), new Setting(0xfe03, 0xffffffffL)));
    assertThat(written())
        .isEqualTo("00000c" + "04" + "00" + "00000000" + "000300000064" + "fe03ffffffff");

    writer.settingsAck();
    assertThat(written()).isEqualTo("000000" + "04" + "01" + "00000000");

    writer.ping(HexFormat.of().parseHex("0102030405060708"), true);
    assertThat(written()).isEqualTo("000008" + "06" + "01" + "00000000" + "0102030405060708");

    writer.goAway(7, ErrorCode.ENHANCE_YOUR_CALM, "calm");
    assertThat(written())
        .isEqualTo("00000c" + "07" + "00" + "00000000" + "00000007" + "0000000b" + "63616c6d");

    writer.windowUpdate(0, Integer.MAX_VALUE);
    assertThat(written()).isEqualTo("000004" + "08" + "00" + "00000000" + "7fffffff");

    writer.preface();
    assertThat(out.toString()).isEqualTo("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  }

  @Test
  void dataIsSplitAtTheBoundOfThePeer() throws Exception {
    writer.data(1, new byte[40_000], 0, 40_000, true);
    assertThat(frames()).extracting(Frame::flowBytes).containsExactly(16_384, 16_384, 7_232);
    assertThat(frames()).extracting(Frame::flags).containsExactly(0, 0, Frame.END_STREAM);
    out.reset();

    writer.setMaxFrameBytes(20_000);
    writer.data(1, new byte[40_000], 0, 40_000, false);
    assertThat(frames()).extracting(Frame::flowBytes).containsExactly(20_000, 20_000);
    assertThat(frames()).extracting(Frame::flags).containsExactly(0, 0);
    out.reset();

    writer.data(1, new byte[0], 0, 0, true);
    assertThat(frames()).extracting(Frame::flags).containsExactly(Frame.END_STREAM);
  }

  @Test
  void headerBlockIsContinued() throws Exception {
    byte[] block = new byte[40_000];
    block[39_999] = 1;
    writer.headers(1, block, true);
    assertThat(out.size()).isEqualTo(40_000 + 3 * 9);
    assertThat(frames()).hasSize(1);
    assertThat(frames().get(0).payload()).isEqualTo(block);
    assertThat(frames().get(0).has(Frame.END_STREAM)).isTrue();
    byte[] bytes = out.toByteArray();
    int each = Frame.DEFAULT_MAX_BYTES + Frame.HEADER_BYTES;
    assertThat(new byte[] {bytes[4], bytes[each + 4], bytes[2 * each + 4]})
        .containsExactly(Frame.END_STREAM, 0, Frame.END_HEADERS);
    out.reset();

    writer.headers(1, new byte[16_384], false);
    assertThat(out.size()).isEqualTo(16_384 + 9);
    assertThat(frames()).extracting(Frame::flags).containsExactly(Frame.END_HEADERS);
    out.reset();

    writer.headers(1, new byte[0], false);
    assertThat(frames()).extracting(Frame::flags).containsExactly(Frame.END_HEADERS);
  }

  @Test
  void longDebugTextIsCut() throws Exception {
    writer.goAway(0, ErrorCode.NO_ERROR, "x".repeat(1000));
    assertThat(frames().get(0).flowBytes()).isEqualTo(8 + 256);
  }

  @Test
  void illegalArgumentsAreRejected() {
    assertThatThrownBy(() -> writer.ping(new byte[7], false))
        .hasMessage("payload not of 8 bytes: 7");
    assertThatThrownBy(() -> writer.windowUpdate(1, 0)).hasMessage("bytes < 1: 0");
    assertThat(out.size()).isZero();
  }
}
