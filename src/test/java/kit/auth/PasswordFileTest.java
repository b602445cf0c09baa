// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PasswordFileTest {
  // Made with Python: base64(hashlib.pbkdf2_hmac("sha256", password, b"salt", iterations)).
  private static final String ONE =
      "pbkdf2-sha256:1:c2FsdA==:Eg+2z/z4syxD5yJSVsT4N6hlSMkszDVICAWYfLcL4Xs=";

  private static final String UNICODE =
      "pbkdf2-sha256:1000:b3RoZXIgc2FsdA==:sBH4Je9vJAXAURI45EBDz4y25C39K2P75mkVPORcuWo=";

  private static final SecureRandom RANDOM = new SecureRandom();

  @TempDir private Path folder;

  private PasswordFile read(String text) throws IOException {
    return PasswordFile.read(Files.writeString(folder.resolve("users"), text));
  }

  private void refused(String text, String why) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> read(text))
        .withMessage(folder.resolve("users") + why);
  }

  @Test
  void hashesMatchOtherImplementations() throws Exception {
    PasswordFile users = read("# by hand\n\njerry:" + UNICODE + "\n");
    assertThat(users.verify("jerry", "p\u00e4ssword \u20ac \ud83d\ude00")).isTrue();
  }

  @Test
  void onlyTheRightPasswordOfTheRightUserIsAccepted() throws Exception {
    PasswordFile users = read("jerry:" + ONE + "\ntom cat:" + ONE.replace(":1:", ":2:") + "\n");
    assertThat(users.verify("jerry", "password")).isTrue();
    assertThat(users.verify("jerry", "passwore")).isFalse();
    assertThat(users.verify("jerry", "password ")).isFalse();
    assertThat(users.verify("jerry", "")).isFalse();
    assertThat(users.verify("Jerry", "password")).isFalse();
    assertThat(users.verify("tom cat", "password")).isFalse(); // 2 iterations make another hash.
    assertThat(users.verify("unknown", "password")).isFalse();
    assertThat(users.verify("", "password")).isFalse();
    assertThat(users.verify("#", "")).isFalse();
  }

  @Test
  void generatedLineIsRead() throws Exception {
    PasswordFile users = read(PasswordFile.line("j\u00e9rry", "p\u00e4ss:word", RANDOM, 1000));
    assertThat(users.verify("j\u00e9rry", "p\u00e4ss:word")).isTrue();
    assertThat(users.verify("j\u00e9rry", "p\u00e4ss:worse")).isFalse();
  }

  @Test
  void nameAndPasswordAreTheSameComposedOrNot() throws Exception {
    for (String form : List.of("j\u00e9rry", "je\u0301rry")) {
      PasswordFile users = read(PasswordFile.line(form, form + "!", RANDOM, 1000));
      assertThat(users.verify("j\u00e9rry", "j\u00e9rry!")).isTrue();
      assertThat(users.verify("je\u0301rry", "je\u0301rry!")).isTrue();
      assertThat(users.verify("jerry", "jerry!")).isFalse();
    }
    PasswordFile byHand = read("je\u0301rry:" + ONE + "\n");
    assertThat(byHand.verify("j\u00e9rry", "password")).isTrue();
    refused("j\u00e9rry:" + ONE + "\nje\u0301rry:" + ONE, ", line 2: duplicate name");
  }

  @Test
  void passwordWithALoneSurrogateIsRejected() throws Exception {
    for (String password : List.of("p\ud800", "\udc00p", "\ude00\ud83d")) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> PasswordFile.line("jerry", password, RANDOM, 1000))
          .withMessage("half a character (a lone surrogate) in the password");
    }
    PasswordFile users = read(PasswordFile.line("jerry", "p?", RANDOM, 1000));
    assertThat(users.verify("jerry", "p?")).isTrue();
    assertThat(users.verify("jerry", "p\ud800")).isFalse();
  }

  @Test
  void lineIsSaltedAndSlow() {
    assertThat(PasswordFile.line("jerry", "password", RANDOM))
        .matches("jerry:pbkdf2-sha256:600000:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{43}=");
    assertThat(PasswordFile.line("jerry", "password", RANDOM, 1))
        .isNotEqualTo(PasswordFile.line("jerry", "password", RANDOM, 1));
  }

  @Test
  void unknownNameCostsAsMuchAsAWrongPassword() throws Exception {
    PasswordFile users =
        read(
            PasswordFile.line("jerry", "password", RANDOM, 20_000)
                + "\n"
                + PasswordFile.line("tom", "password", RANDOM, 20_000));
    // The least of rounds in turn: the compiler and other programs make some of them dearer.
    String[] names = {"jerry", "unknown", "other", ""};
    long[] least = new long[names.length];
    Arrays.fill(least, Long.MAX_VALUE);
    for (int round = 0; round < 5; round++) {
      for (int i = 0; i < names.length; i++) {
        least[i] = Math.min(least[i], cpuNanos(users, names[i]));
      }
    }
    assertThat(Arrays.stream(least).min().getAsLong()).isGreaterThan(least[0] / 4);
  }

  private static long cpuNanos(PasswordFile users, String name) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long startedAtNanos = threads.getCurrentThreadCpuTime();
    assertThat(users.verify(name, "wrong")).isFalse();
    return threads.getCurrentThreadCpuTime() - startedAtNanos;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "#jerry",
        "je:rry",
        "je\nrry",
        "je\0rry",
        "\u0085",
        "\t",
        "a\u202eb",
        "a\u2028b"
      })
  void nameMustBeValidInALine(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PasswordFile.line(name, "password", RANDOM))
        .withMessageContaining("name");
  }

  @Test
  void passwordMustNotBeEmpty() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PasswordFile.line("jerry", "", RANDOM))
        .withMessageContainingAll("password", "empty");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          jerry                                  | not name:pbkdf2-sha256:iterations:salt:hash
          jerry:secret                           | not name:pbkdf2-sha256:iterations:salt:hash
          :pbkdf2-sha256:1:c2FsdA==:AAAA         | not name:pbkdf2-sha256:iterations:salt:hash
          jerry:pbkdf2-sha512:1:c2FsdA==:AAAA    | not name:pbkdf2-sha256:iterations:salt:hash
          jerry:pbkdf2-sha256:x:c2FsdA==:AAAA    | not name:pbkdf2-sha256:iterations:salt:hash
          jerry:pbkdf2-sha256:-1:c2FsdA==:AAAA   | not name:pbkdf2-sha256:iterations:salt:hash
          jerry:pbkdf2-sha256:1:c2FsdA==:AAAA:   | not name:pbkdf2-sha256:iterations:salt:hash
          jerry:pbkdf2-sha256:999999999:c2Fs:AA  | not name:pbkdf2-sha256:iterations:salt:hash
          jerry:pbkdf2-sha256:0:c2FsdA==:AAAA    | iterations not in 1..10000000
          jerry:pbkdf2-sha256:10000001:c2Fs:AAAA | iterations not in 1..10000000
          jerry:pbkdf2-sha256:1::AAAA            | no salt
          jerry:pbkdf2-sha256:1:!:AAAA           | salt is not base64
          jerry:pbkdf2-sha256:1:c2FsdA==:-       | hash is not base64
          jerry:pbkdf2-sha256:1:c2FsdA==:        | hash not of 32 bytes
          jerry:pbkdf2-sha256:1:c2FsdA==:AAAA    | hash not of 32 bytes
          """)
  void wrongLineIsNamedAndNotQuoted(String line, String why) {
    refused("# users\n" + line + "\n", ", line 2: " + why);
  }

  @Test
  void duplicateNameIsRejected() {
    refused("a:" + ONE + "\na:" + ONE + "\n", ", line 2: duplicate name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n\n", "# empty\n"})
  void thereIsAtLeastOneUser(String text) {
    refused(text, ": no users");
  }

  @Test
  void fileIsUtf8() throws Exception {
    Path file = Files.writeString(folder.resolve("users"), "j\u00e9rry:" + ONE, ISO_8859_1);
    assertThatExceptionOfType(CharacterCodingException.class)
        .isThrownBy(() -> PasswordFile.read(file));
    assertThat(Files.readString(file, ISO_8859_1).getBytes(UTF_8)).isNotEmpty();
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> PasswordFile.read(folder.resolve("none")));
  }
}
