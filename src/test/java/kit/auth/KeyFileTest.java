// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Base64;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeyFileTest {
  private static final Path JOSE = Path.of("src/test/resources/kit/auth");

  @TempDir private Path folder;

  private KeyFile read(String text) throws IOException {
    return KeyFile.read(Files.writeString(folder.resolve("key"), text, ISO_8859_1));
  }

  private void refused(String text, String why) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> read(text))
        .withMessage(folder.resolve("key") + ": " + why);
  }

  private static String jose(String name) throws IOException {
    return Files.readString(JOSE.resolve(name));
  }

  private static String pem(String label, Key key) {
    return pem(label, key.getEncoded());
  }

  private static String pem(String label, byte[] der) {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
    return "-----BEGIN " + label + "-----\n" + text + "\n-----END " + label + "-----\n";
  }

  private static KeyPair pair(String type, int bits) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(type);
    generator.initialize(bits);
    return generator.generateKeyPair();
  }

  private static Stream<Arguments> secrets() {
    return Stream.of(
        arguments("secret", "secret"),
        arguments("secret\n", "secret"),
        arguments("secret\r\n", "secret"),
        arguments("secret\n\n", "secret\n"),
        arguments(" secret ", " secret "),
        arguments("\n\n", "\n"),
        arguments("\u00ff\0\u0080\r", "\u00ff\0\u0080\r"));
  }

  @ParameterizedTest
  @MethodSource("secrets")
  void secretIsTheFileWithoutOneTrailingNewline(String text, String secret) throws Exception {
    KeyFile file = read(text);
    assertThat(file.verifying().getEncoded()).isEqualTo(secret.getBytes(ISO_8859_1));
    assertThat(file.signing()).contains(file.verifying());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n", "\r\n"})
  void emptyFileIsNoKey(String text) {
    refused(text, "empty");
  }

  @ParameterizedTest
  @CsvSource({"RS256, RSA", "ES256, EC"})
  void publicKeyOnlyVerifies(String name, String algorithm) throws Exception {
    KeyFile file = read(jose(name + "-public.pem"));
    assertThat(file.signing()).isEmpty();
    assertThat(file.verifying().getAlgorithm()).isEqualTo(algorithm);
  }

  @ParameterizedTest
  @ValueSource(strings = {"RS256", "ES256"})
  void publicKeyIsDerivedFromAPrivateKeyAlone(String name) throws Exception {
    KeyFile file = read(jose(name + "-private.pem"));
    assertThat(file.verifying()).isEqualTo(read(jose(name + "-public.pem")).verifying());
    assertThat(file.signing()).isPresent();
  }

  @ParameterizedTest
  @ValueSource(strings = {"RS256", "ES256"})
  void textAroundTheBlocksAndOtherLineEndsAreAccepted(String name) throws Exception {
    String both = jose(name + "-public.pem") + "\nmade today\n" + jose(name + "-private.pem");
    KeyFile file = read("# a key\n" + both.replace("\n", "\r\n") + "\r\n\r\n");
    assertThat(file.verifying()).isEqualTo(read(jose(name + "-public.pem")).verifying());
    assertThat(file.signing()).isPresent();
  }

  @Test
  void privateKeyWithoutItsPublicKeyNeedsAPublicKeyBlock() throws Exception {
    KeyPair pair = pair("EC", 256); // The JDK leaves the public key out.
    String privateKey = pem("PRIVATE KEY", pair.getPrivate());
    refused(
        privateKey, "no PUBLIC KEY beside the private one; openssl pkey -in FILE -pubout makes it");
    KeyFile file = read(privateKey + pem("PUBLIC KEY", pair.getPublic()));
    assertThat(file.verifying()).isEqualTo(pair.getPublic());
  }

  @Test
  void keysThatAreNoPairAreRejected() throws Exception {
    KeyPair ec = pair("EC", 256);
    for (String publicKey :
        new String[] {
          pem("PUBLIC KEY", pair("RSA", 1024).getPublic()), pem("PUBLIC KEY", ec.getPublic())
        }) {
      refused(
          jose("RS256-private.pem") + "\n" + publicKey,
          "the private and the public key do not match");
    }
    for (String publicKey :
        new String[] {
          jose("ES256-public.pem"), pem("PUBLIC KEY", pair("EC", 384).getPublic()),
        }) {
      refused(
          pem("PRIVATE KEY", ec.getPrivate()) + publicKey,
          "the private and the public key do not match");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "EC PARAMETERS",
        "ENCRYPTED PRIVATE KEY",
        "CERTIFICATE"
      })
  void otherPemTypesAreNamedWithTheConversion(String label) {
    refused(
        pem(label, new byte[] {1, 2, 3}),
        "not one PRIVATE KEY or PUBLIC KEY, but " + label + "; try openssl pkey -in FILE");
  }

  @Test
  void secondKeyOfATypeIsRejected() throws Exception {
    String twice = jose("RS256-public.pem") + "\n" + jose("ES256-public.pem");
    refused(twice, "not one PRIVATE KEY or PUBLIC KEY, but PUBLIC KEY; try openssl pkey -in FILE");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-----BEGIN ",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----",
        "secret -----BEGIN secret"
      })
  void brokenPemIsNeverASecret(String text) {
    refused(text, "PEM, but no whole key");
  }

  @ParameterizedTest
  @ValueSource(strings = {"PUBLIC KEY", "PRIVATE KEY"})
  void otherPemBlocksAreRejected(String label) throws Exception {
    String why = "PEM, but not of an RSA or EC key";
    refused(pem(label, new byte[0]), why);
    refused(pem(label, "no DER at all".getBytes(UTF_8)), why);
    KeyPair edwards = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    Key key = label.equals("PUBLIC KEY") ? edwards.getPublic() : edwards.getPrivate();
    refused(pem(label, key), why);
  }

  @Test
  void largeFileIsRejectedUnread() {
    refused("x".repeat(65_537), "longer than 65536 bytes");
    refused("-----BEGIN PUBLIC KEY-----" + "A".repeat(65_536), "longer than 65536 bytes");
  }

  @Test
  void longPemIsReadFast() {
    refused("-----BEGIN " + "A ".repeat(32_000), "PEM, but no whole key");
    refused("-----BEGIN A-----".repeat(3_800), "PEM, but no whole key");
    refused("-----BEGIN A-----" + " A".repeat(32_000), "PEM, but no whole key");
  }

  @Test
  void missingFileIsAnIoException() {
    assertThatExceptionOfType(NoSuchFileException.class)
        .isThrownBy(() -> KeyFile.read(folder.resolve("none")));
  }

  @Test
  void nothingOfTheSecretIsShown() throws Exception {
    assertThat(read("hunter2hunter2hunter2hunter2hunter2").toString()).doesNotContain("hunter2");
  }
}
