// SPDX-License-Identifier: Apache-2.0
package kit.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PemFileTest {
  private static final Path FILES = Path.of("src/test/resources/kit/tls");
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir private Path folder;

  private static PrivateKey key(String name) throws IOException {
    return PemFile.read(FILES.resolve(name)).privateKey();
  }

  private static TlsIdentity identity(String certificate, String key, Instant now)
      throws IOException {
    Path file = FILES.resolve(certificate);
    return TlsIdentity.of(file, PemFile.read(file), PemFile.read(FILES.resolve(key)), now);
  }

  @ParameterizedTest
  @CsvSource({
    "server.key, EC",
    "server-sec1.key, EC",
    "server-sec1-parameters.key, EC",
    "both.pem, EC",
    "rsa.key, RSA",
    "rsa-pkcs1.key, RSA",
    "ed25519.key, EdDSA",
  })
  void readsKeysOfEachForm(String name, String algorithm) throws Exception {
    assertThat(key(name).getAlgorithm()).isEqualTo(algorithm);
  }

  @Test
  void formsOfAKeyAreTheSameKey() throws Exception {
    assertThat(key("rsa-pkcs1.key")).isEqualTo(key("rsa.key"));
    BigInteger secret = ((ECPrivateKey) key("server.key")).getS();
    assertThat(((ECPrivateKey) key("server-sec1.key")).getS()).isEqualTo(secret);
    assertThat(((ECPrivateKey) key("server-sec1-parameters.key")).getS()).isEqualTo(secret);
  }

  @Test
  void certificatesHaveTheOrderOfTheFile() throws Exception {
    assertThat(PemFile.read(FILES.resolve("both.pem")).certificates())
        .extracting(it -> it.getSubjectX500Principal().getName())
        .containsExactly("CN=server", "CN=Test intermediate CA");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          encrypted.key       | the private key is encrypted; decrypt it with: openssl pkey -in %s -out NEW_FILE
          encrypted-pkcs1.key | the private key is encrypted; decrypt it with: openssl pkey -in %s -out NEW_FILE
          server.crt          | no private key (BEGIN PRIVATE KEY)
          """)
  void keyThatCannotBeUsedIsRejected(String name, String reason) {
    Path file = FILES.resolve(name);
    assertThatThrownBy(() -> PemFile.read(file).privateKey())
        .isInstanceOf(IOException.class)
        .hasMessage(file + ": " + reason.replace("%s", file.toString()));
  }

  @Test
  void binaryFormIsRejected() throws Exception {
    Path file = folder.resolve("tls.key");
    Files.write(file, key("server.key").getEncoded());
    assertThatThrownBy(() -> PemFile.read(file).privateKey())
        .hasMessage(
            "%s: not PEM; if it is DER, convert it with: openssl pkey -inform DER -in %s -out NEW_FILE",
            file, file);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          -----BEGIN PRIVATE KEY-----!AAAA!-----END PRIVATE KEY-----    | the private key is malformed, or not of RSA, EC or EdDSA
          -----BEGIN EC PRIVATE KEY-----!MAA=!-----END EC PRIVATE KEY-----| the EC private key is malformed, or names no curve
          -----BEGIN EC PRIVATE KEY-----!!-----END EC PRIVATE KEY-----    | the EC private key is malformed, or names no curve
          -----BEGIN RSA PRIVATE KEY-----!AA==!-----END RSA PRIVATE KEY-----| the private key is malformed, or not of RSA, EC or EdDSA
          -----BEGIN DSA PRIVATE KEY-----!AA==!-----END DSA PRIVATE KEY-----| unsupported kind of private key: DSA PRIVATE KEY
          -----BEGIN PRIVATE KEY-----!A!-----END PRIVATE KEY-----       | block 1 is not Base64
          -----BEGIN PRIVATE KEY-----!AAAA!                             | a block is incomplete or malformed
          -----BEGIN PRIVATE KEY-----!A*AA!-----END PRIVATE KEY-----    | a block is incomplete or malformed
          """)
  void malformedKeyIsRejected(String text, String reason) throws Exception {
    Path file = Files.writeString(folder.resolve("tls.key"), text.replace('!', '\n'));
    assertThatThrownBy(() -> PemFile.read(file).privateKey()).hasMessage(file + ": " + reason);
  }

  @Test
  void secondKeyIsRejected() throws Exception {
    String twice = Files.readString(FILES.resolve("server.key")).repeat(2);
    Path file = Files.writeString(folder.resolve("tls.key"), twice);
    assertThatThrownBy(() -> PemFile.read(file).privateKey())
        .hasMessage(file + ": more than one private key");
  }

  @Test
  void fileWithoutCertificatesIsRejected() throws Exception {
    Path key = FILES.resolve("server.key");
    assertThatThrownBy(() -> PemFile.read(key).certificates())
        .hasMessage(key + ": no certificate (BEGIN CERTIFICATE)");
    String garbage = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    Path file = Files.writeString(folder.resolve("tls.crt"), garbage);
    assertThatThrownBy(() -> PemFile.read(file).certificates())
        .hasMessage(file + ": certificate 1 is malformed");
  }

  @Test
  void fileThatCannotBeReadIsRejected() throws Exception {
    assertThatThrownBy(() -> PemFile.read(folder)).hasMessage(folder + ": is a directory");
    Path absent = folder.resolve("absent");
    assertThatThrownBy(() -> PemFile.read(absent)).hasMessage(absent + ": no such file");
    Path empty = Files.writeString(folder.resolve("empty"), "\n");
    assertThatThrownBy(() -> PemFile.read(empty)).hasMessage(empty + ": empty");
    Path large = Files.write(folder.resolve("large"), new byte[(1 << 20) + 1]);
    assertThatThrownBy(() -> PemFile.read(large)).hasMessage(large + ": larger than 1 MiB");
  }

  @Test
  void fileWithoutPermissionIsRejected() throws Exception {
    Path secret = Files.writeString(folder.resolve("secret"), "x");
    Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
    assumeTrue(!Files.isReadable(secret), "root reads everything");
    assertThatThrownBy(() -> PemFile.read(secret)).hasMessage(secret + ": permission denied");
  }

  @Test
  void nameOfAFileCannotForgeALine() {
    assertThatThrownBy(() -> PemFile.read(folder.resolve("a\n\u001b[0mb")))
        .hasMessage(folder + "/a??[0mb: no such file");
  }

  /** Whatever is wrong with a key, an error has none of its bytes. */
  @Test
  void noMessageHasAPartOfTheKey() throws Exception {
    Random random = new Random(26);
    for (String name : new String[] {"rsa-pkcs1.key", "server-sec1.key", "server.key"}) {
      String text = Files.readString(FILES.resolve(name));
      for (int i = 0; i < 100; i++) {
        StringBuilder mutated = new StringBuilder(text);
        int at = random.nextInt(text.length());
        mutated.replace(at, at + 1, String.valueOf((char) (32 + random.nextInt(95))));
        Path file = Files.writeString(folder.resolve("tls.key"), mutated);
        try {
          PemFile.read(file).privateKey();
        } catch (IOException e) {
          assertThat(e.getMessage()).startsWith(file + ": ").hasLineCount(1);
          assertThat(text.lines().filter(line -> !line.startsWith("-----")))
              .noneMatch(line -> e.getMessage().contains(line.substring(0, 8)));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "server.crt, server.key",
    "leaf.crt, server-sec1.key",
    "rsa.crt, rsa-pkcs1.key",
    "ed25519.crt, ed25519.key",
    "both.pem, both.pem",
  })
  void certificateAndKeyThatBelongTogetherAreAccepted(String certificate, String key)
      throws Exception {
    TlsIdentity identity = identity(certificate, key, NOW);
    assertThat(identity.expiresAt()).isEqualTo("2120-01-01T00:00:00Z");
    assertThat(identity.toString()).startsWith("TlsIdentity[CN=");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          server.crt       | rsa.key    | the private key in DIR/rsa.key does not belong to the certificate (CN=server)
          server.crt       | client.key | the private key in DIR/client.key does not belong to the certificate (CN=server)
          wrong-order.crt  | server.key | the chain is in the wrong order: the private key in DIR/server.key belongs to certificate 2 (CN=server), which must be the first
          wrong-issuer.crt | server.key | the chain is in the wrong order: certificate 2 (CN=Other CA) did not issue certificate 1 (CN=server)
          """)
  void filesThatDoNotBelongTogetherAreRejected(String certificate, String key, String reason) {
    assertThatThrownBy(() -> identity(certificate, key, NOW))
        .hasMessage(FILES.resolve(certificate) + ": " + reason.replace("DIR", FILES.toString()));
  }

  @Test
  void certificateThatIsNotValidNowIsRejected() {
    assertThatThrownBy(
            () -> identity("server.crt", "server.key", Instant.parse("2019-12-31T23:59:59Z")))
        .hasMessage(
            FILES.resolve("server.crt")
                + ": certificate 1 (CN=server) is not valid before 2020-01-01T00:00:00Z");
    assertThatThrownBy(
            () -> identity("server.crt", "server.key", Instant.parse("2120-01-01T00:00:01Z")))
        .hasMessage(
            FILES.resolve("server.crt")
                + ": certificate 1 (CN=server) expired at 2120-01-01T00:00:00Z");
  }
}
