// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Heads by the grammar of RFC 9112, in memory. */
@Timeout(60)
class HeadReaderTest {
  private static final EngineSettings SETTINGS = EngineSettings.defaults().withHead(1024, 20);
  private static final String HEAD =
      "POST /user/7?x=y HTTP/1.1\r\nHost: a:80\r\nX-One: 1\r\nContent-Length: 12\r\n\r\n";

  /** What a head may look like: an independent description of the grammar. */
  private static final Pattern GRAMMAR =
      Pattern.compile(
          "(\r\n)?[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\\x21-\\x7e]+ HTTP/1\\.\\d\r\n"
              + "([!#$%&'*+.^_`|~0-9A-Za-z-]+:[\\t\\x20-\\x7e\\x80-\\xff]*\r\n)*\r\n",
          Pattern.DOTALL);

  /** Bytes in memory, returned in pieces. */
  private static final class Bytes extends ByteArrayInputStream {
    private final int most;

    Bytes(String text, int most) {
      super(text.getBytes(StandardCharsets.ISO_8859_1));
      this.most = most;
    }

    @Override
    public synchronized int read(byte[] to, int offset, int length) {
      return super.read(to, offset, Math.min(length, most));
    }
  }

  private static Head read(String text, int most) throws IOException {
    Input input = new Input(new Bytes(text, most), SETTINGS.maxHeadBytes());
    if (!input.fill()) {
      throw new EOFException();
    }
    return new HeadReader(input, SETTINGS).read();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 1000})
  void headIsReadInPiecesOfAnySize(int most) throws Exception {
    Head head = read(HEAD + "GET /next", most);
    assertThat(head.method()).isEqualTo("POST");
    assertThat(head.target()).hasToString("/user/7?x=y");
    assertThat(head.minorVersion()).isEqualTo(1);
    assertThat(head.fields().getFirst("X-One")).isEqualTo("1");
    assertThat(head.contentLength()).isEqualTo(12);
    assertThat(head.keepsAlive()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET / HTTP/1.1~                               | 400 | no Host",
        "GET / HTTP/1.1~Host: a~Host: a~               | 400 | more than one Host",
        "GET / HTTP/1.1~Host: a/b~                     | 400 | malformed Host",
        "GET / HTTP/2.0~Host: a~                       | 505 | version",
        "GET / HTTP/1.~Host: a~                        | 400 | version",
        "GET / HTTP/1.1~Host: a~Content-Length: 1, 1~  | 400 | not a number",
        "GET / HTTP/1.1~Host: a~Content-Length: +1~    | 400 | not a number",
        "GET / HTTP/1.1~Host: a~Content-Length:~       | 400 | not a number",
        "GET / HTTP/1.1~Host: a~Content-Length: 9223372036854775808~ | 400 | too large",
        "GET / HTTP/1.1~Host: a~Content-Length: 1~Content-Length: 1~ | 400 | more than one",
        "GET / HTTP/1.1~Host: a~Content-Length: 1~Transfer-Encoding: chunked~ | 400 | and",
        "GET / HTTP/1.1~Host: a~Transfer-Encoding: gzip, chunked~    | 501 | not chunked alone",
        "GET / HTTP/1.1~Host: a~Transfer-Encoding: chunked~Transfer-Encoding: chunked~ | 501 | alone",
        "GET / HTTP/1.0~Transfer-Encoding: chunked~    | 400 | HTTP/1.0",
        "GET [ HTTP/1.1~Host: a~                       | 400 | request target",
      })
  void ambiguousHeadIsRejected(String text, int status, String problem) {
    assertThatThrownBy(() -> read(text.replace("~", "\r\n") + "\r\n", 1000))
        .isInstanceOfSatisfying(BadRequest.class, e -> assertThat(e.status()).isEqualTo(status))
        .hasMessageContaining(problem);
  }

  @Test
  void endWithinAHeadIsNotARequest() {
    for (int length = 1; length < HEAD.length(); length++) {
      String part = HEAD.substring(0, length);
      assertThatThrownBy(() -> read(part, 1000)).isInstanceOf(EOFException.class);
    }
  }

  /** Each mutated head is accepted only if an independent pattern accepts it, too. */
  @Test
  void mutatedHeadIsAcceptedOnlyIfTheGrammarAllowsIt() throws Exception {
    Random random = new Random(1);
    String alphabet = "\r\n \t:;,/.%aH10\0\u007f\u0080\u00ff";
    int accepted = 0;
    for (int i = 0; i < 200_000; i++) {
      StringBuilder head = new StringBuilder(HEAD);
      for (int changes = random.nextInt(4); changes >= 0; changes--) {
        int at = random.nextInt(head.length());
        char c = alphabet.charAt(random.nextInt(alphabet.length()));
        switch (random.nextInt(3)) {
          case 0 -> head.setCharAt(at, c);
          case 1 -> head.insert(at, c);
          default -> head.deleteCharAt(at);
        }
      }
      String text = head.toString();
      try {
        read(text, 1 + random.nextInt(200));
        accepted++;
        int end = text.indexOf("\r\n\r\n", text.startsWith("\r\n") ? 2 : 0) + 4;
        assertThat(text.substring(0, end)).matches(GRAMMAR);
      } catch (BadRequest | EOFException e) {
        assertThat(e.getMessage()).matches("[\\x20-\\x7e]+");
      }
    }
    assertThat(accepted).isGreaterThan(10_000);
  }
}
