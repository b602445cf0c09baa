// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import kit.http2.HeaderField;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GrpcMetadataTest {
  @Test
  void valuesOfANameInTheirOrder() {
    GrpcMetadata metadata = GrpcMetadata.empty().with("a", "1").with("b", "").with("a", "2");

    assertThat(metadata.get("a")).contains("1");
    assertThat(metadata.all("a")).containsExactly("1", "2");
    assertThat(metadata.get("b")).contains("");
    assertThat(metadata.get("c")).isEmpty();
    assertThat(GrpcMetadata.empty().with("b", "0").with(metadata).all("b"))
        .containsExactly("0", "");
  }

  @Test
  void bytesAreSentWithoutPaddingAndReadWithAndWithout() {
    GrpcMetadata sent = GrpcMetadata.empty().with("x-bin", new byte[] {1, 2, 3, (byte) 250});
    assertThat(sent.fields()).containsExactly(HeaderField.of("x-bin", "AQID+g"));

    List<HeaderField> fields =
        List.of(
            HeaderField.of("x-bin", "AQID+g=="),
            HeaderField.of("y-bin", "AQID+g, AA==,"),
            HeaderField.of("z-bin", ""));
    GrpcMetadata received = GrpcMetadata.of(fields);
    assertThat(received.bytes("x-bin").orElseThrow()).containsExactly(1, 2, 3, 250);
    assertThat(received.bytes("y-bin").orElseThrow()).containsExactly(1, 2, 3, 250);
    assertThat(received.all("y-bin")).containsExactly("AQID+g", "AA==");
    assertThat(received.bytes("z-bin").orElseThrow()).isEmpty();
  }

  @Test
  void fieldsOfTheProtocolAreNoMetadata() {
    List<HeaderField> fields =
        List.of(
            HeaderField.of(":path", "/a/b"),
            HeaderField.of("content-type", "application/grpc"),
            HeaderField.of("te", "trailers"),
            HeaderField.of("grpc-timeout", "1S"),
            HeaderField.of("user-agent", "test"));

    assertThat(GrpcMetadata.of(fields).fields())
        .containsExactly(HeaderField.of("user-agent", "test"));
  }

  @Test
  void bytesThatAreNotBase64AreRejected() {
    assertThatThrownBy(() -> GrpcMetadata.of(List.of(HeaderField.of("x-bin", "a*b"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("value of metadata that ends in -bin is not base64");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "A", "a b", ":path", "grpc-status", "te", "content-type", "\u00e4"})
  void malformedOrReservedNamesAreRejected(String name) {
    assertThatThrownBy(() -> GrpcMetadata.empty().with(name, "value"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("malformed or reserved name of metadata: " + name);
  }

  @ParameterizedTest
  @ValueSource(strings = {" a", "a ", "a\nb", "\u00e4", "\t"})
  void otherValuesThanPrintableAsciiAreRejected(String value) {
    assertThatThrownBy(() -> GrpcMetadata.empty().with("name", value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("value of name not printable ASCII");
  }

  @Test
  void suffixAndTypeGoTogether() {
    GrpcMetadata none = GrpcMetadata.empty();
    assertThatThrownBy(() -> none.with("x", new byte[0]))
        .hasMessage("name of bytes without -bin: x");
    assertThatThrownBy(() -> none.with("x-bin", "a")).hasMessage("name of a text with -bin: x-bin");
    assertThatThrownBy(() -> none.bytes("x")).hasMessage("name of bytes without -bin: x");
  }

  @Test
  void textHasNoValues() {
    assertThat(GrpcMetadata.empty().with("authorization", "Bearer secret"))
        .hasToString("[authorization]");
  }
}
