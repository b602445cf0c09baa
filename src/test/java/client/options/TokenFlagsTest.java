// SPDX-License-Identifier: Apache-2.0
package client.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import kit.cli.Flags;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import testing.FakeNanoTime;

class TokenFlagsTest {
  private final FakeNanoTime time = new FakeNanoTime();
  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void nameFile() {
    file = folder.resolve("token");
  }

  private TokenFlags parsed(Map<String, String> environment, String... args) {
    Flags flags = new Flags("client", "calls", "KIT_", environment);
    TokenFlags token = new TokenFlags(flags, time);
    flags.parse(args);
    assertThat(flags.effective()).doesNotContain("hunter2");
    token.check();
    return token;
  }

  private void refused(String message, String... args) {
    assertThatExceptionOfType(Flags.UsageException.class)
        .isThrownBy(() -> parsed(Map.of(), args))
        .withMessageContaining(message);
  }

  @Test
  void thereIsNoneByDefault() {
    assertThat(parsed(Map.of()).get()).isNull();
  }

  @Test
  void tokenIsTakenFromTheFlagOrTheEnvironment() {
    assertThat(parsed(Map.of(), "--token", "hunter2").get()).isEqualTo("hunter2");
    assertThat(parsed(Map.of("KIT_TOKEN", "hunter2")).get()).isEqualTo("hunter2");
  }

  @Test
  void fileIsReadAgainAtMostOnceASecond() throws Exception {
    Files.writeString(file, " one\n");
    TokenFlags token = parsed(Map.of(), "--token-file", file.toString());
    Files.writeString(file, "two\n");
    time.advance(Duration.ofMillis(999));
    assertThat(token.get()).isEqualTo("one");
    time.advance(Duration.ofMillis(1));
    assertThat(token.get()).isEqualTo("two");
  }

  @Test
  void lastTokenIsKeptWhileTheFileCannotBeRead() throws Exception {
    Files.writeString(file, "one");
    TokenFlags token = parsed(Map.of("KIT_TOKEN_FILE", file.toString()));
    for (String broken : new String[] {"", "two words", "\u00e9"}) {
      Files.writeString(file, broken);
      time.advance(Duration.ofSeconds(1));
      assertThat(token.get()).isEqualTo("one");
    }
    Files.delete(file);
    time.advance(Duration.ofSeconds(1));
    assertThat(token.get()).isEqualTo("one");
    Files.writeString(file, "two");
    time.advance(Duration.ofSeconds(1));
    assertThat(token.get()).isEqualTo("two");
  }

  @Test
  void invalidTokenIsRejectedAtTheStartAndNotShown() throws Exception {
    refused("--token: not an access token or none", "--token", "hunter2 hunter2");
    refused("--token-file: no such file: " + file, "--token-file", file.toString());
    Files.writeString(file, "hunter2\nhunter2\n");
    refused(
        "--token-file: " + file + ": not a bearer token: empty, or characters not allowed",
        "--token-file",
        file.toString());
    refused(
        "--token and --token-file: only one",
        "--token",
        "hunter2",
        "--token-file",
        file.toString());
  }
}
