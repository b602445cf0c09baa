// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import kit.http2.HeaderField.Indexing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The examples of RFC 7541, appendix C, decoded and encoded. */
class HpackExamplesTest {
  private static final HexFormat HEX = HexFormat.of();

  /** A block, its fields, and the size of the dynamic table behind it. */
  record Block(String hex, int tableBytes, HeaderField... fields) {}

  /** Blocks of one connection. */
  record Example(String section, boolean usesHuffman, int maxTableBytes, Block... blocks) {
    @Override
    public String toString() {
      return section;
    }
  }

  private static HeaderField field(String name, String value) {
    return new HeaderField(name, value, Indexing.INCREMENTAL); // The examples index a cookie.
  }

  private static Example single(String section, String hex, int tableBytes, HeaderField field) {
    return new Example(section, false, 4096, new Block(hex, tableBytes, field));
  }

  private static final HeaderField GET = field(":method", "GET");
  private static final HeaderField HTTP = field(":scheme", "http");
  private static final HeaderField HOST = field(":authority", "www.example.com");
  private static final HeaderField PRIVATE = field("cache-control", "private");
  private static final HeaderField LOCATION = field("location", "https://www.example.com");
  private static final HeaderField DATE_21 = field("date", "Mon, 21 Oct 2013 20:13:21 GMT");
  private static final HeaderField DATE_22 = field("date", "Mon, 21 Oct 2013 20:13:22 GMT");

  private static Example requests(String section, boolean usesHuffman, String... hex) {
    return new Example(
        section,
        usesHuffman,
        4096,
        new Block(hex[0], 57, GET, HTTP, field(":path", "/"), HOST),
        new Block(
            hex[1], 110, GET, HTTP, field(":path", "/"), HOST, field("cache-control", "no-cache")),
        new Block(
            hex[2],
            164,
            GET,
            field(":scheme", "https"),
            field(":path", "/index.html"),
            HOST,
            field("custom-key", "custom-value")));
  }

  private static Example responses(String section, boolean usesHuffman, String... hex) {
    String cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    return new Example(
        section,
        usesHuffman,
        256,
        new Block(hex[0], 222, field(":status", "302"), PRIVATE, DATE_21, LOCATION),
        new Block(hex[1], 222, field(":status", "307"), PRIVATE, DATE_21, LOCATION),
        new Block(
            hex[2],
            215,
            field(":status", "200"),
            PRIVATE,
            DATE_22,
            LOCATION,
            field("content-encoding", "gzip"),
            field("set-cookie", cookie)));
  }

  static List<Example> examples() {
    return List.of(
        single(
            "C.2.1",
            "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
            55,
            field("custom-key", "custom-header")),
        single(
            "C.2.2",
            "040c2f73616d706c652f70617468",
            0,
            new HeaderField(":path", "/sample/path", Indexing.WITHOUT)),
        single(
            "C.2.3",
            "100870617373776f726406736563726574",
            0,
            new HeaderField("password", "secret", Indexing.NEVER)),
        single("C.2.4", "82", 0, GET),
        requests(
            "C.3",
            false,
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
        requests(
            "C.4",
            true,
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"),
        responses(
            "C.5",
            false,
            "4803333032580770726976617465611d4d6f6e2c203231204f63742032303133"
                + "2032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d70"
                + "6c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d"
                + "54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f5049"
                + "5541585157454f49553b206d61782d6167653d333630303b2076657273696f6e"
                + "3d31"),
        responses(
            "C.6",
            true,
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a6"
                + "2d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab"
                + "77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f"
                + "9587316065c003ed4ee5b1063d5007"));
  }

  @ParameterizedTest
  @MethodSource("examples")
  void blocksAreDecoded(Example example) throws Exception {
    HpackDecoder decoder = new HpackDecoder(example.maxTableBytes(), 65536);
    for (Block block : example.blocks()) {
      byte[] bytes = HEX.parseHex(block.hex());
      HpackDecoder.HeaderList list = decoder.decode(bytes, 0, bytes.length);
      assertThat(list.fields()).containsExactly(block.fields());
      assertThat(list.isTooLarge()).isFalse();
      assertThat(decoder.table().bytes()).isEqualTo(block.tableBytes());
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void fieldsAreEncoded(Example example) {
    HpackEncoder encoder = new HpackEncoder(example.usesHuffman(), example.maxTableBytes());
    for (Block block : example.blocks()) {
      byte[] bytes = encoder.encode(List.of(block.fields()));
      assertThat(HEX.formatHex(bytes)).isEqualTo(block.hex());
      assertThat(encoder.table().bytes()).isEqualTo(block.tableBytes());
    }
  }

  @ParameterizedTest // C.1: the first bits are of the representation, here zero.
  @CsvSource({"10, 5, 0a", "1337, 5, 1f9a0a", "42, 8, 2a"})
  void integersAreEncoded(int value, int prefixBits, String hex) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    HpackEncoder.integer(0, prefixBits, value, bytes);
    assertThat(HEX.formatHex(bytes.toByteArray())).isEqualTo(hex);
  }

  @ParameterizedTest // C.1: as the size of the table, which has a prefix of 5 bits.
  @CsvSource({"10, 2a", "1337, 3f9a0a"})
  void integersAreDecoded(int value, String hex) throws Exception {
    HpackDecoder decoder = new HpackDecoder(4096, 0);
    decoder.decode(HEX.parseHex(hex), 0, hex.length() / 2);
    assertThat(decoder.table().maxBytes()).isEqualTo(value);
  }

  @Test // The evictions of C.5.3, newest first.
  void tableHoldsTheNewestFieldsOfTheExample() {
    HpackEncoder encoder = new HpackEncoder(false, 256);
    Example responses = examples().get(6);
    for (Block block : responses.blocks()) {
      encoder.encode(List.of(block.fields()));
    }
    List<String> names = new ArrayList<>();
    for (int index = 62; encoder.table().has(index); index++) {
      names.add(encoder.table().get(index).name());
    }
    assertThat(names).containsExactly("set-cookie", "content-encoding", "date");
  }
}
