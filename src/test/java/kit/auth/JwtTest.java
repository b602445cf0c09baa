// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.UTF_16BE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.Key;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import kit.auth.Jwt.Algorithm;
import kit.auth.Jwt.Reason;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Race;
import testing.RawToken;

class JwtTest {
  private static final long NOW = 1_800_000_000;
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(NOW));
  private static final byte[] SECRET = "0123456789abcdef0123456789abcdef".getBytes(UTF_8);
  private static final SecretKey KEY = new SecretKeySpec(SECRET, "HMAC");
  private static final String HS256 = "{\"alg\":\"HS256\"}";
  private static final Jwt.Expected ANY_ISSUER = Jwt.Expected.anyIssuer();

  private final Jwt.Verifier verifier = verifier(ANY_ISSUER);

  private static Jwt.Verifier verifier(Jwt.Expected expected) {
    return new Jwt.Verifier(Algorithm.HS256, KEY, expected, CLOCK);
  }

  private static String token(String payload) {
    return RawToken.hs256(SECRET, HS256, payload);
  }

  private static Reason refusal(Jwt.Verifier verifier, String token) {
    Jwt.InvalidException refusal =
        catchThrowableOfType(Jwt.InvalidException.class, () -> verifier.verify(token));
    assertThat(refusal).as("rejection of " + token).isNotNull();
    return refusal.reason();
  }

  @Test
  void exampleOfTheJavadoc() {
    byte[] secret = SECRET;
    SecretKey key = new SecretKeySpec(secret, "HMAC"); // 32 random bytes
    Jwt.Signer signer = new Jwt.Signer(Jwt.Algorithm.HS256, key, InstantSource.system());
    String token = signer.sign(Map.of("sub", "jerry", "aud", "userservice"), Duration.ofHours(1));

    Jwt.Expected expected = Jwt.Expected.anyIssuer().withAudience("userservice");
    Jwt.Verifier verifier =
        new Jwt.Verifier(Jwt.Algorithm.HS256, key, expected, InstantSource.system());
    assertThat(verifier.verify(token).subject()).isEqualTo("jerry");
  }

  // ---- RFC 7515, appendix A

  private static final String RFC_PAYLOAD =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
          + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  private static final long RFC_EXP = 1_300_819_380;

  private static Key rfcSecret() {
    return new SecretKeySpec(
        bytes(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i"
                + "PS4hcgUuTwjAzZr1Z9CAow"),
        "HMAC");
  }

  private static Key rfcRsaKey() throws Exception {
    String n =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0"
            + "Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHS"
            + "XndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6"
            + "_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    return KeyFactory.getInstance("RSA")
        .generatePublic(new RSAPublicKeySpec(number(n), number("AQAB")));
  }

  private static Key rfcEcKey() throws Exception {
    AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
    curve.init(new ECGenParameterSpec("secp256r1"));
    ECPoint point =
        new ECPoint(
            number("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            number("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
    return KeyFactory.getInstance("EC")
        .generatePublic(new ECPublicKeySpec(point, curve.getParameterSpec(ECParameterSpec.class)));
  }

  private static byte[] bytes(String base64url) {
    return Base64.getUrlDecoder().decode(base64url);
  }

  private static BigInteger number(String base64url) {
    return new BigInteger(1, bytes(base64url));
  }

  private static Stream<List<Object>> rfcExamples() throws Exception {
    String a1 =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
            + RFC_PAYLOAD
            + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    String a2 =
        "eyJhbGciOiJSUzI1NiJ9."
            + RFC_PAYLOAD
            + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt"
            + "_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIA"
            + "RNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
            + "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    String a3 =
        "eyJhbGciOiJFUzI1NiJ9."
            + RFC_PAYLOAD
            + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    return Stream.of(
        List.of(Algorithm.HS256, rfcSecret(), a1),
        List.of(Algorithm.RS256, rfcRsaKey(), a2),
        List.of(Algorithm.ES256, rfcEcKey(), a3));
  }

  @ParameterizedTest
  @MethodSource("rfcExamples")
  void examplesOfRfc7515AreAcceptedUntilTheyExpire(List<Object> example) {
    Algorithm algorithm = (Algorithm) example.get(0);
    Key key = (Key) example.get(1);
    String token = (String) example.get(2);
    Jwt.Expected expected = new Jwt.Expected(Optional.of("joe"), Optional.empty(), Duration.ZERO);

    Instant justBefore = Instant.ofEpochSecond(RFC_EXP).minusNanos(1);
    Jwt.Claims claims =
        new Jwt.Verifier(algorithm, key, expected, InstantSource.fixed(justBefore)).verify(token);
    assertThat(claims.expiresAt()).isEqualTo(Instant.ofEpochSecond(RFC_EXP));
    assertThat(claims.json().get("http://example.com/is_root").booleanValue()).isTrue();

    InstantSource then = InstantSource.fixed(Instant.ofEpochSecond(RFC_EXP));
    assertThat(refusal(new Jwt.Verifier(algorithm, key, expected, then), token))
        .isEqualTo(Reason.EXPIRED);
  }

  @Test
  void unsecuredExampleOfRfc7515IsRejected() throws Exception {
    String a5 = "eyJhbGciOiJub25lIn0." + RFC_PAYLOAD + ".";
    InstantSource then = InstantSource.fixed(Instant.ofEpochSecond(RFC_EXP - 1));
    for (Map.Entry<Algorithm, Key> verifying :
        Map.of(
                Algorithm.HS256, rfcSecret(),
                Algorithm.RS256, rfcRsaKey(),
                Algorithm.ES256, rfcEcKey())
            .entrySet()) {
      assertThat(
              refusal(
                  new Jwt.Verifier(verifying.getKey(), verifying.getValue(), ANY_ISSUER, then), a5))
          .isEqualTo(Reason.WRONG_ALGORITHM);
    }
  }

  // ---- npm's jose; see src/test/resources/kit/auth/jose.mjs

  private static final Path JOSE = Path.of("src/test/resources/kit/auth");

  private static Key joseKey(Algorithm algorithm, String kind) throws Exception {
    if (algorithm.name().startsWith("HS")) {
      String secret = Files.readString(JOSE.resolve(algorithm + ".key")).strip();
      return new SecretKeySpec(secret.getBytes(UTF_8), "HMAC");
    }
    String pem = Files.readString(JOSE.resolve(algorithm + "-" + kind + ".pem"));
    byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
    KeyFactory factory = KeyFactory.getInstance(algorithm == Algorithm.RS256 ? "RSA" : "EC");
    return kind.equals("public")
        ? factory.generatePublic(new X509EncodedKeySpec(der))
        : factory.generatePrivate(new PKCS8EncodedKeySpec(der));
  }

  private static String joseToken(Algorithm algorithm) throws Exception {
    return new ObjectMapper()
        .readTree(JOSE.resolve("tokens.json").toFile())
        .get(algorithm.name())
        .textValue();
  }

  @ParameterizedTest
  @EnumSource
  void tokensOfJoseAreAccepted(Algorithm algorithm) throws Exception {
    Jwt.Expected expected =
        Jwt.Expected.anyIssuer().withIssuer("https://jose.example").withAudience("userservice");
    Jwt.Claims claims =
        new Jwt.Verifier(algorithm, joseKey(algorithm, "public"), expected, CLOCK)
            .verify(joseToken(algorithm));
    assertThat(claims.subject()).isEqualTo("jerry");
    assertThat(claims.scopes()).containsExactlyInAnyOrder("users:read", "users:delete");
    assertThat(claims.expiresAt()).isEqualTo(Instant.parse("2100-01-01T00:00:00Z"));
    assertThat(claims).hasToString("Claims[scope, iss, sub, aud, iat, nbf, exp, jti]");
  }

  @ParameterizedTest
  @EnumSource
  void tokensSignedWithTheKeysOfJoseAreAccepted(Algorithm algorithm) throws Exception {
    Key signing = joseKey(algorithm, "private");
    String token =
        new Jwt.Signer(algorithm, signing, CLOCK)
            .sign(Map.of("sub", "jerry"), Duration.ofMinutes(1));
    Key verifying = joseKey(algorithm, "public");
    assertThat(new Jwt.Verifier(algorithm, verifying, ANY_ISSUER, CLOCK).verify(token).subject())
        .isEqualTo("jerry");
  }

  @ParameterizedTest
  @EnumSource
  void tokenIsRejectedByVerifiersOfOtherAlgorithms(Algorithm algorithm) throws Exception {
    Key key = joseKey(algorithm, "public");
    Jwt.Verifier verifier =
        new Jwt.Verifier(
            algorithm, key, Jwt.Expected.anyIssuer().withAudience("userservice"), CLOCK);
    for (Algorithm other : Algorithm.values()) {
      if (other != algorithm) {
        assertThat(refusal(verifier, joseToken(other))).isEqualTo(Reason.WRONG_ALGORITHM);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void anyChangedBitIsRejected(Algorithm algorithm) throws Exception {
    Key key = joseKey(algorithm, "public");
    Jwt.Expected expected = Jwt.Expected.anyIssuer().withAudience("userservice");
    Jwt.Verifier verifier = new Jwt.Verifier(algorithm, key, expected, CLOCK);
    String[] parts = joseToken(algorithm).split("\\.");
    for (int part = 0; part < 3; part++) {
      byte[] bytes = bytes(parts[part]);
      for (int bit = 0; bit < bytes.length * 8; bit += 31) {
        byte[] changed = bytes.clone();
        changed[bit / 8] ^= (byte) (1 << bit % 8);
        String[] forged = parts.clone();
        forged[part] = RawToken.encoded(changed);
        refusal(verifier, String.join(".", forged));
      }
    }
    verifier.verify(String.join(".", parts));
  }

  // ---- confusion

  @Test
  void publicKeyUsedAsAnHmacSecretIsRejected() throws Exception {
    byte[] pem = java.nio.file.Files.readAllBytes(JOSE.resolve("RS256-public.pem"));
    Key key = joseKey(Algorithm.RS256, "public");
    Jwt.Verifier verifier = new Jwt.Verifier(Algorithm.RS256, key, ANY_ISSUER, CLOCK);
    String payload = "{\"sub\":\"root\",\"exp\":" + (NOW + 60) + "}";
    for (byte[] secret :
        List.of(pem, new String(pem, UTF_8).strip().getBytes(UTF_8), key.getEncoded())) {
      assertThat(refusal(verifier, RawToken.hs256(secret, HS256, payload)))
          .isEqualTo(Reason.WRONG_ALGORITHM);
      assertThat(refusal(verifier, RawToken.hs256(secret, "{\"alg\":\"RS256\"}", payload)))
          .isEqualTo(Reason.BAD_SIGNATURE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS2560", "HS384"})
  void otherAlgorithmsInTheHeaderAreRejected(String alg) {
    String payload = "{\"exp\":" + (NOW + 60) + "}";
    String signed = RawToken.hs256(SECRET, "{\"alg\":\"" + alg + "\"}", payload);
    assertThat(refusal(verifier, signed)).isEqualTo(Reason.WRONG_ALGORITHM);
    String unsigned = signed.substring(0, signed.lastIndexOf('.') + 1);
    assertThat(refusal(verifier, unsigned)).isEqualTo(Reason.WRONG_ALGORITHM);
  }

  @Test
  void keyInTheHeaderIsIgnored() {
    byte[] own = new byte[32];
    String header =
        "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\""
            + RawToken.encoded(own)
            + "\"},\"jku\":\"http://127.0.0.1:1/\",\"kid\":\"/dev/null\"}";
    String payload = "{\"exp\":" + (NOW + 60) + "}";
    assertThat(refusal(verifier, RawToken.hs256(own, header, payload)))
        .isEqualTo(Reason.BAD_SIGNATURE);
    verifier.verify(RawToken.hs256(SECRET, header, payload));
  }

  @Test
  void ecdsaSignatureOfZeroesOrBeyondTheOrderIsRejected() throws Exception {
    ECPublicKey key = (ECPublicKey) joseKey(Algorithm.ES256, "public");
    Jwt.Expected expected = Jwt.Expected.anyIssuer().withAudience("userservice");
    Jwt.Verifier verifier = new Jwt.Verifier(Algorithm.ES256, key, expected, CLOCK);
    String token = joseToken(Algorithm.ES256);
    String input = token.substring(0, token.lastIndexOf('.') + 1);
    byte[] good = bytes(token.substring(input.length()));
    byte[] order = Arrays.copyOfRange(key.getParams().getOrder().toByteArray(), 1, 33);
    byte[] zero = new byte[32];
    byte[] r = Arrays.copyOf(good, 32);
    byte[] s = Arrays.copyOfRange(good, 32, 64);
    assertThat(verifier.verify(input + RawToken.encoded(both(r, s))).subject()).isEqualTo("jerry");
    for (byte[] bad :
        List.of(
            both(zero, zero),
            both(zero, s),
            both(r, zero),
            both(order, s),
            both(r, order),
            both(order, order),
            r,
            new byte[0],
            both(both(r, s), new byte[1]),
            both(both(zero, r), both(zero, s)))) {
      assertThat(refusal(verifier, input + RawToken.encoded(bad))).isEqualTo(Reason.BAD_SIGNATURE);
    }
  }

  private static byte[] both(byte[] one, byte[] other) {
    byte[] both = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, both, one.length, other.length);
    return both;
  }

  // ---- structure

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d.e", // encrypted ones have five parts
        "\u00e9.\u20ac.\ud83d\ude00",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJhbGciOiJIUzI1NiJ9.e30",
        "eyJhbGciOiJIUzI1NiJ9. e30.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA\n",
        " eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA/+",
        "eyJhbGciOiJIUzI1NiJ9.e30.A",
      })
  void textThatIsNoTokenIsMalformed(String token) {
    assertThat(refusal(verifier, token)).isEqualTo(Reason.MALFORMED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "\"HS256\"",
        "null",
        "{}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":256}",
        "{\"ALG\":\"HS256\"}",
        "{\"alg\":\"HS256\"}{}",
        "{\"alg\":\"HS256\"} x",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"crit\":null}",
        "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}",
        "{\"alg\":\"HS256\",\"typ\":\"\"}",
        "{\"alg\":\"HS256\",\"typ\":null}",
        "{\"alg\":\"HS256\",\"typ\":[\"JWT\"]}",
        "\ufeff{\"alg\":\"HS256\"}",
        "{'alg':'HS256'}",
        "{\"alg\":\"HS256\",}",
        "{/* */\"alg\":\"HS256\"}",
      })
  void wrongHeaderIsMalformedEvenIfSigned(String header) {
    String payload = "{\"exp\":" + (NOW + 60) + "}";
    assertThat(refusal(verifier, RawToken.hs256(SECRET, header, payload)))
        .isEqualTo(Reason.MALFORMED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"})
  void typesOfAccessTokensAreAccepted(String type) {
    String header = "{\"alg\":\"HS256\",\"typ\":\"" + type + "\"}";
    verifier.verify(RawToken.hs256(SECRET, header, "{\"exp\":" + (NOW + 60) + "}"));
  }

  @Test
  void tokenHasOneEncodingOnly() {
    String token = token("{\"exp\":1800000060,\"sub\":\"jerry\"}");
    verifier.verify(token);
    String[] parts = token.split("\\.");
    assertThat(List.of(parts[0].length() % 4, parts[1].length() % 4, parts[2].length() % 4))
        .isEqualTo(List.of(0, 3, 3));
    for (String suffix : List.of("=", "==", "=A", "\n", " ")) {
      assertThat(refusal(verifier, token + suffix)).isEqualTo(Reason.MALFORMED);
    }
    // The last character has bits left over. To the JDK they may be anything.
    for (int part = 1; part < 3; part++) {
      String text = parts[part];
      String stray = text.substring(0, text.length() - 1) + next(text.charAt(text.length() - 1));
      assertThat(bytes(stray)).isEqualTo(bytes(text));
      String[] others = parts.clone();
      others[part] = stray;
      assertThat(refusal(verifier, String.join(".", others))).isEqualTo(Reason.MALFORMED);
    }
    // Not even if it is signed as it stands.
    for (String payload : List.of(parts[1] + "=", parts[1].replaceFirst("0$", "1"))) {
      assertThat(bytes(payload)).isEqualTo(bytes(parts[1]));
      assertThat(payload).isNotEqualTo(parts[1]);
      assertThat(refusal(verifier, RawToken.hs256(SECRET, parts[0], payload, "")))
          .isEqualTo(Reason.MALFORMED);
    }
  }

  private static char next(char base64url) {
    String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return alphabet.charAt(alphabet.indexOf(base64url) + 1);
  }

  @Test
  void everyTruncationIsRejected() {
    String token = token("{\"exp\":" + (NOW + 60) + "}");
    for (int length = 0; length < token.length(); length++) {
      refusal(verifier, token.substring(0, length));
    }
    verifier.verify(token);
  }

  @Test
  void eightKibibytesAreTheBound() {
    String longest = tokenOfLength(8192);
    assertThat(verifier.verify(longest).json().get("x").textValue()).hasSizeGreaterThan(6000);
    assertThat(refusal(verifier, tokenOfLength(8193))).isEqualTo(Reason.MALFORMED);
    assertThat(refusal(verifier, "x".repeat(10_000_000))).isEqualTo(Reason.MALFORMED);
    assertThat(refusal(verifier, ".".repeat(8192))).isEqualTo(Reason.MALFORMED);
  }

  private static String tokenOfLength(int length) {
    for (int header = 0; header < 4; header++) { // Base64url has no length of 4n + 1.
      for (int size = length * 3 / 4 - 150; size < length; size++) {
        String payload = "{\"exp\":" + (NOW + 60) + ",\"x\":\"" + "x".repeat(size) + "\"}";
        String token = RawToken.hs256(SECRET, HS256 + " ".repeat(header), payload);
        if (token.length() == length) {
          return token;
        }
        if (token.length() > length) {
          break;
        }
      }
    }
    throw new AssertionError("no token of " + length + " characters");
  }

  // ---- payload

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "7",
        "{}", // No exp.
        "{\"sub\":\"jerry\"}",
        "{\"EXP\":1800000060}",
        "{\"exp\":null}",
        "{\"exp\":\"1800000060\"}",
        "{\"exp\":true}",
        "{\"exp\":[1800000060]}",
        "{\"exp\":-1}",
        "{\"exp\":1e400}",
        "{\"exp\":1e1000000000}",
        "{\"exp\":253402300800}", // The year 10000; milliseconds taken for seconds would be there.
        "{\"exp\":NaN}",
        "{\"exp\":1800000060,\"exp\":1800000060}",
        "{\"exp\":1800000060,\"sub\":\"jerry\",\"sub\":\"root\"}",
        "{\"exp\":1800000060,\"a\":{\"b\":1,\"b\":2}}",
        "{\"exp\":1800000060,\"\\u0073ub\":\"a\",\"sub\":\"b\"}",
        "{\"exp\":1800000060} {}",
        "{\"exp\":1800000060",
        "{\"exp\":1800000060,\"nbf\":\"0\"}",
        "{\"exp\":1800000060,\"nbf\":null}",
        "{\"exp\":1800000060,\"iat\":\"x\"}",
        "{\"exp\":1800000060,\"iat\":\"1800000000\"}",
        "{\"exp\":1800000060,\"iat\":null}",
        "{\"exp\":1800000060,\"iat\":-1}",
        "{\"exp\":1800000060,\"iat\":true}",
        "{\"exp\":1800000060,\"jti\":5}",
        "{\"exp\":1800000060,\"jti\":null}",
        "{\"exp\":1800000060,\"jti\":[\"a\"]}",
        "{\"exp\":1800000060,\"scope\":true}",
        "{\"exp\":1800000060,\"scope\":null}",
        "{\"exp\":1800000060,\"scope\":7}",
        "{\"exp\":1800000060,\"scope\":[\"a\",\"b\"]}",
        "{\"exp\":1800000060,\"scope\":{\"a\":1}}",
        "{\"exp\":1800000060,\"iss\":7}",
        "{\"exp\":1800000060,\"iss\":null}",
        "{\"exp\":1800000060,\"sub\":[\"jerry\"]}",
        "{\"exp\":1800000060,\"aud\":7}",
        "{\"exp\":1800000060,\"aud\":{\"a\":\"b\"}}",
        "{\"exp\":1800000060,\"aud\":[\"a\",7]}",
        "{\"exp\":1800000060,\"aud\":[[\"a\"]]}",
      })
  void wrongClaimsAreMalformedEvenIfSigned(String payload) {
    assertThat(refusal(verifier, token(payload))).isEqualTo(Reason.MALFORMED);
  }

  @Test
  void deepClaimsAreMalformed() {
    String fits = "{\"exp\":1800000060,\"x\":" + "[".repeat(19) + "]".repeat(19) + "}";
    verifier.verify(token(fits));
    String deep = "{\"exp\":1800000060,\"x\":" + "[".repeat(3000) + "]".repeat(3000) + "}";
    assertThat(refusal(verifier, token(deep))).isEqualTo(Reason.MALFORMED);
  }

  @Test
  void payloadIsUtf8AndNothingElse() {
    String json = "{\"exp\":1800000060,\"sub\":\"j\u00e9rry \ud83d\ude00\"}";
    assertThat(verifier.verify(token(json)).subject()).isEqualTo("j\u00e9rry \ud83d\ude00");
    String header = RawToken.encoded(HS256.getBytes(UTF_8));
    String utf16 = RawToken.encoded(json.getBytes(UTF_16BE));
    assertThat(refusal(verifier, RawToken.hs256(SECRET, header, utf16, "")))
        .isEqualTo(Reason.MALFORMED);
    byte[] broken = json.getBytes(UTF_8);
    broken[json.indexOf('\u00e9')] = (byte) 0xff;
    assertThat(refusal(verifier, RawToken.hs256(SECRET, header, RawToken.encoded(broken), "")))
        .isEqualTo(Reason.MALFORMED);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # leeway 10 s: claims                              | outcome
          {"exp":1800000001}                                 |
          {"exp":1800000000}                                 |
          {"exp":1799999991}                                 |
          {"exp":1799999990.5}                               |
          {"exp":1799999990}                                 | EXPIRED
          {"exp":0}                                          | EXPIRED
          {"exp":1800000060,"nbf":1800000010}                |
          {"exp":1800000060,"nbf":1800000010.5}              | NOT_YET_VALID
          {"exp":1800000060,"nbf":253402300799}              | NOT_YET_VALID
          {"exp":253402300799,"nbf":0}                       |
          {"exp":1.80000006e9}                               |
          {"exp":1799999000,"nbf":1800001000}                | EXPIRED
          """)
  void clockSkewWithinTheLeewayIsAccepted(String payload, Reason reason) {
    if (reason == null) {
      verifier.verify(token(payload));
    } else {
      assertThat(refusal(verifier, token(payload))).isEqualTo(reason);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # expected iss | aud | claims besides exp      | outcome
          -     | -   |                                  | -
          -     | -   | ,"iss":"any"                     | -
          -     | -   | ,"aud":[]                        | -
          -     | -   | ,"aud":"us"                      | WRONG_AUDIENCE
          -     | -   | ,"aud":["us"]                    | WRONG_AUDIENCE
          -     | us  | ,"aud":"us"                      | -
          -     | us  | ,"aud":["them","us"]             | -
          -     | us  |                                  | WRONG_AUDIENCE
          -     | us  | ,"aud":[]                        | WRONG_AUDIENCE
          -     | us  | ,"aud":"them"                    | WRONG_AUDIENCE
          -     | us  | ,"aud":"US"                      | WRONG_AUDIENCE
          -     | us  | ,"aud":"us, them"                | WRONG_AUDIENCE
          me    | -   | ,"iss":"me"                      | -
          me    | -   |                                  | WRONG_ISSUER
          me    | -   | ,"iss":"me/"                     | WRONG_ISSUER
          me    | -   | ,"iss":"Me"                      | WRONG_ISSUER
          me    | us  | ,"iss":"me","aud":"us"           | -
          me    | us  | ,"iss":"you","aud":"them"        | WRONG_ISSUER
          """)
  void issuerAndAudienceMustMatch(String issuer, String audience, String more, Reason reason) {
    Jwt.Expected expected = Jwt.Expected.anyIssuer();
    if (issuer != null) {
      expected = expected.withIssuer(issuer);
    }
    if (audience != null) {
      expected = expected.withAudience(audience);
    }
    Jwt.Verifier verifier = verifier(expected);
    String token = token("{\"exp\":1800000060" + (more == null ? "" : more) + "}");
    if (reason == null) {
      verifier.verify(token);
    } else {
      assertThat(refusal(verifier, token)).isEqualTo(reason);
    }
  }

  @Test
  void signatureIsCheckedBeforeClaims() {
    Jwt.Verifier verifier = verifier(Jwt.Expected.anyIssuer().withIssuer("me").withAudience("us"));
    String none = "{\"alg\":\"none\"}";
    String allWrong = "{\"exp\":0,\"nbf\":253402300799,\"iss\":\"you\",\"aud\":\"them\"}";
    byte[] other = new byte[32];
    assertThat(refusal(verifier, RawToken.hs256(other, none, "not JSON") + "!"))
        .isEqualTo(Reason.MALFORMED);
    assertThat(refusal(verifier, RawToken.hs256(other, none, "not JSON")))
        .isEqualTo(Reason.WRONG_ALGORITHM);
    assertThat(refusal(verifier, RawToken.hs256(other, HS256, "not JSON")))
        .isEqualTo(Reason.BAD_SIGNATURE);
    assertThat(refusal(verifier, RawToken.hs256(other, HS256, allWrong)))
        .isEqualTo(Reason.BAD_SIGNATURE);
    assertThat(refusal(verifier, token("not JSON"))).isEqualTo(Reason.MALFORMED);
    assertThat(refusal(verifier, token(allWrong))).isEqualTo(Reason.EXPIRED);
    assertThat(refusal(verifier, token(allWrong.replace("\"exp\":0", "\"exp\":1800000060"))))
        .isEqualTo(Reason.NOT_YET_VALID);
    assertThat(refusal(verifier, token("{\"exp\":1800000060,\"aud\":\"them\"}")))
        .isEqualTo(Reason.WRONG_ISSUER);
    assertThat(refusal(verifier, token("{\"exp\":1800000060,\"iss\":\"me\"}")))
        .isEqualTo(Reason.WRONG_AUDIENCE);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"exp":1800000060}                                     |
          {"exp":1800000060,"scope":""}                          |
          {"exp":1800000060,"scope":" "}                         |
          {"exp":1800000060,"scope":"a"}                         | a
          {"exp":1800000060,"scope":"a b  a c "}                 | a,b,c
          """)
  void scopesAreWords(String payload, String scopes) {
    assertThat(verifier.verify(token(payload)).scopes())
        .containsExactlyInAnyOrder(scopes == null ? new String[0] : scopes.split(","));
  }

  @Test
  void claimsAreUnmodifiableCopies() {
    String token = token("{\"exp\":1800000060,\"sub\":\"jerry\"}");
    Jwt.Claims claims = verifier.verify(token);
    ((ObjectNode) claims.json()).put("sub", "root");
    assertThat(claims.subject()).isEqualTo("jerry");
    assertThat(verifier.verify(token)).isNotSameAs(claims);
    assertThat(verifier.verify(token("{\"exp\":1800000060}")).subject()).isNull();
  }

  @Test
  void exceptionQuotesNothingOfTheTokenAndHasNoStackTrace() {
    List<String> tokens =
        List.of(
            "hunter2",
            "hunter2.hunter2.hunter2",
            RawToken.hs256(SECRET, "{\"alg\":\"hunter2\"}", "{}"),
            RawToken.hs256(SECRET, "{\"alg\":\"HS256\",\"hunter2\":1,\"hunter2\":2}", "{}"),
            RawToken.hs256(SECRET, HS256, "{\"hunter2\":1,\"hunter2\":2}"),
            token("{\"exp\":1800000060,\"aud\":\"hunter2\"}"),
            token("{\"exp\":\"hunter2\"}"));
    for (String token : tokens) {
      Jwt.InvalidException refusal =
          catchThrowableOfType(Jwt.InvalidException.class, () -> verifier.verify(token));
      assertThat(refusal.getMessage())
          .startsWith(refusal.reason() + ": ")
          .doesNotContain("hunter2", "HS384", token.split("\\.")[0]);
      assertThat(refusal).hasNoCause();
      assertThat(refusal.getStackTrace()).isEmpty();
    }
  }

  // ---- signing

  @Test
  void signerSetsWhenItEndsAndKeepsTheOrder() {
    Map<String, Object> claims = new LinkedHashMap<>();
    claims.put("sub", "jerry");
    claims.put("scope", "a b");
    claims.put("aud", List.of("us", "them"));
    String token = new Jwt.Signer(Algorithm.HS256, KEY, CLOCK).sign(claims, Duration.ofHours(1));
    String[] parts = token.split("\\.");
    assertThat(new String(bytes(parts[0]), UTF_8)).isEqualTo("{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
    String payload =
        "{\"sub\":\"jerry\",\"scope\":\"a b\",\"aud\":[\"us\",\"them\"],"
            + "\"iat\":1800000000,\"exp\":1800003600}";
    assertThat(new String(bytes(parts[1]), UTF_8)).isEqualTo(payload);
    assertThat(token)
        .isEqualTo(RawToken.hs256(SECRET, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", payload));
    assertThat(claims).doesNotContainKey("exp");
  }

  @Test
  void signerRejectsWhatVerifiersWouldReject() {
    Jwt.Signer signer = new Jwt.Signer(Algorithm.HS256, KEY, CLOCK);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> signer.sign(Map.of(), Duration.ofMillis(999)))
        .withMessageContainingAll("1 s", "PT0.999S");
    for (String name : List.of("iat", "exp")) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> signer.sign(Map.of(name, 1), Duration.ofHours(1)));
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> signer.sign(Map.of("x", "x".repeat(8192)), Duration.ofHours(1)))
        .withMessageContaining("8192");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> signer.sign(Map.of("x", new Object()), Duration.ofHours(1)))
        .withMessageContaining("JSON");
  }

  // ---- keys

  @ParameterizedTest
  @CsvSource({"HS256, 32", "HS384, 48", "HS512, 64"})
  void secretIsAtLeastAsLongAsTheHash(Algorithm algorithm, int bytes) {
    Key enough = new SecretKeySpec(new byte[bytes], "HMAC");
    Key tooShort = new SecretKeySpec(new byte[bytes - 1], "HMAC");
    String token = new Jwt.Signer(algorithm, enough, CLOCK).sign(Map.of(), Duration.ofSeconds(1));
    new Jwt.Verifier(algorithm, enough, ANY_ISSUER, CLOCK).verify(token);
    String needed = bytes + " bytes";
    String given = (bytes - 1) + " bytes";
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Jwt.Verifier(algorithm, tooShort, ANY_ISSUER, CLOCK))
        .withMessageContainingAll(algorithm.toString(), needed, given);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Jwt.Signer(algorithm, tooShort, CLOCK))
        .withMessageContainingAll(algorithm.toString(), needed, given);
  }

  @Test
  void keyOfAnotherTypeOrTooWeakIsRejected() throws Exception {
    KeyPair weak = pair("RSA", 1024);
    KeyPair otherCurve = pair("EC", 384);
    KeyPair edwards = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    for (Map.Entry<Algorithm, Key> wrong :
        List.<Map.Entry<Algorithm, Key>>of(
            Map.entry(Algorithm.RS256, weak.getPublic()),
            Map.entry(Algorithm.ES256, otherCurve.getPublic()),
            Map.entry(Algorithm.ES256, edwards.getPublic()),
            Map.entry(Algorithm.RS256, joseKey(Algorithm.ES256, "public")),
            Map.entry(Algorithm.ES256, joseKey(Algorithm.RS256, "public")),
            Map.entry(Algorithm.HS256, joseKey(Algorithm.RS256, "public")),
            Map.entry(Algorithm.RS256, KEY),
            Map.entry(Algorithm.ES256, KEY))) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new Jwt.Verifier(wrong.getKey(), wrong.getValue(), ANY_ISSUER, CLOCK))
          .withMessageStartingWith(wrong.getKey() + " needs ");
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Jwt.Signer(Algorithm.RS256, weak.getPrivate(), CLOCK))
        .withMessageContainingAll("RS256", "2048 bits", "1024 bits");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Jwt.Signer(Algorithm.ES256, otherCurve.getPublic(), CLOCK))
        .withMessageContaining("public key");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new Jwt.Verifier(Algorithm.ES256, otherCurve.getPrivate(), ANY_ISSUER, CLOCK))
        .withMessageContaining("private key");
  }

  private static KeyPair pair(String type, int bits) throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(type);
    generator.initialize(bits);
    return generator.generateKeyPair();
  }

  @Test
  void usualAlgorithmOfAKeyIsKnown() throws Exception {
    assertThat(Algorithm.of(KEY)).isEqualTo(Algorithm.HS256);
    assertThat(Algorithm.of(rfcRsaKey())).isEqualTo(Algorithm.RS256);
    assertThat(Algorithm.of(rfcEcKey())).isEqualTo(Algorithm.ES256);
  }

  @ParameterizedTest
  @ValueSource(strings = {"PT-1S", "PT1M0.001S"})
  void leewayIsShort(Duration leeway) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Jwt.Expected(Optional.empty(), Optional.empty(), leeway))
        .withMessageContainingAll("leeway", "0..60 s", leeway.toString());
  }

  // ---- many

  @Test
  void verifiersAreThreadSafe() throws Exception {
    for (Algorithm algorithm : Algorithm.values()) {
      Key signing = joseKey(algorithm, "private");
      Jwt.Signer signer = new Jwt.Signer(algorithm, signing, CLOCK);
      Jwt.Verifier verifier =
          new Jwt.Verifier(algorithm, joseKey(algorithm, "public"), ANY_ISSUER, CLOCK);
      Race.runNumbered(
          8,
          thread -> {
            for (int i = 0; i < 5; i++) {
              String subject = thread + "-" + i;
              String token = signer.sign(Map.of("sub", subject), Duration.ofSeconds(9));
              assertThat(verifier.verify(token).subject()).isEqualTo(subject);
            }
            return null;
          });
    }
  }

  @Test
  void randomTextIsRejected() {
    Random random = new Random(7);
    String token = token("{\"exp\":1800000060,\"sub\":\"jerry\"}");
    for (int i = 0; i < 5_000; i++) {
      StringBuilder noise = new StringBuilder(token);
      for (int edits = 1 + random.nextInt(4); edits > 0; edits--) {
        int at = random.nextInt(noise.length());
        switch (random.nextInt(3)) {
          case 0 -> noise.deleteCharAt(at);
          case 1 -> noise.insert(at, (char) random.nextInt(0x180));
          default -> noise.setCharAt(at, (char) random.nextInt(0x80));
        }
      }
      if (!noise.toString().equals(token)) {
        assertThatCode(() -> verifier.verify(noise.toString()))
            .isInstanceOf(Jwt.InvalidException.class);
      }
    }
  }

  @Test
  void jsonOfTheClaimsIsAllOfThem() {
    JsonNode json = verifier.verify(token("{\"exp\":1800000060,\"x\":{\"y\":[1]}}")).json();
    assertThat(json).hasToString("{\"exp\":1800000060,\"x\":{\"y\":[1]}}");
  }
}
