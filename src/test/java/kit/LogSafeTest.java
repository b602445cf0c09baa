// SPDX-License-Identifier: Apache-2.0
package kit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogSafeTest {
  @ParameterizedTest
  @ValueSource(strings = {"", "GET /user/101", "Jürgen, 用户, 😀", "a\\b \"c\""})
  void harmlessTextIsUnchanged(String text) {
    assertThat(LogSafe.of(text)).isEqualTo(text);
  }

  @ParameterizedTest
  // NUL, ESC, DEL; C1 with NEL and CSI; line and paragraph separator; bidi embeddings, overrides,
  // isolates and marks.
  @ValueSource(
      chars = {
        0x00, 0x07, 0x08, 0x0b, 0x0c, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9b, 0x9f, 0x2028, 0x2029,
        0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x200e, 0x200f,
        0x061c
      })
  void terminalControlCharactersAreEscaped(char steering) {
    assertThat(LogSafe.of("a" + steering + "b"))
        .isEqualTo("a" + String.format("\\u%04x", (int) steering) + "b");
  }

  @Test
  void lineEndsAndTabsHaveShortEscapes() {
    assertThat(LogSafe.of("x\r\n2026-01-01 INFO all is well\t!"))
        .isEqualTo("x\\r\\n2026-01-01 INFO all is well\\t!");
  }

  @Test
  void charactersNextToEscapedOnesAreKept() {
    String text = " ~\u00a0\u2027\u202f\u2065\u206a";
    assertThat(LogSafe.of(text)).isEqualTo(text);
  }

  @Test
  void lengthIsBounded() {
    assertThat(LogSafe.of("x".repeat(500))).isEqualTo("x".repeat(500));
    assertThat(LogSafe.of("x".repeat(501))).isEqualTo("x".repeat(500) + "...");
    assertThat(LogSafe.of("\n".repeat(1_000_000))).isEqualTo("\\n".repeat(500) + "...");
  }

  @Test
  void surrogatePairIsNotSplit() {
    assertThat(LogSafe.of("x".repeat(499) + "😀y")).isEqualTo("x".repeat(499) + "...");
    assertThat(LogSafe.of("x".repeat(498) + "😀y")).isEqualTo("x".repeat(498) + "😀...");
  }

  @Test
  void loneSurrogateIsEscaped() {
    assertThat(LogSafe.of("a\ud800b\udc00c\ud83d\ude00"))
        .isEqualTo("a\\ud800b\\udc00c\ud83d\ude00");
    assertThat(LogSafe.of("\ude00\ud83d")).isEqualTo("\\ude00\\ud83d");
    assertThat(LogSafe.of("\ud83d\ud83d\ude00")).isEqualTo("\\ud83d\ud83d\ude00");
    assertThat(LogSafe.of("x".repeat(499) + "\ud800y")).isEqualTo("x".repeat(499) + "...");
  }

  @Test
  void anyObjectIsOneLine() {
    assertThat(LogSafe.of(null)).isEqualTo("null");
    assertThat(LogSafe.of(new IOException("a\nb"))).isEqualTo("java.io.IOException: a\\nb");
  }
}
