// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.JsonRecyclerPools;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.interfaces.ECKey;
import java.security.interfaces.RSAKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.SecretKey;

/**
 * Signs what is to be known about a caller, and believes it only if it is signed: JSON Web Tokens.
 *
 * <pre>{@code
 * SecretKey key = new SecretKeySpec(secret, "HMAC"); // 32 random bytes
 * Jwt.Signer signer = new Jwt.Signer(Jwt.Algorithm.HS256, key, InstantSource.system());
 * String token = signer.sign(Map.of("sub", "jerry"), Duration.ofHours(1));
 *
 * Jwt.Expected expected = Jwt.Expected.of(null, null); // any issuer, no audience
 * Jwt.Verifier verifier =
 *     new Jwt.Verifier(Jwt.Algorithm.HS256, key, expected, InstantSource.system());
 * verifier.verify(token).subject(); // "jerry"
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A verifier has one algorithm and one key, of a Java type that fits; what a token says of itself
 * chooses nothing. So neither {@code none} nor a public key taken for a secret can work. In order:
 *
 * <pre>
 *   header.payload.signature   at most 8 KiB; unpadded, canonical base64url       MALFORMED
 *   header                     a JSON object, no "crit"; "typ", if there, a JWT's MALFORMED
 *   alg                        is the verifier's                                  WRONG_ALGORITHM
 *   signature                  is made with the verifier's key                    BAD_SIGNATURE
 *   payload                    a JSON object, with exp, claims of their types     MALFORMED
 *   exp                        is not over, but for the leeway                    EXPIRED
 *   nbf                        has begun, but for the leeway                      NOT_YET_VALID
 *   iss, aud                   are as expected                                    WRONG_...
 * </pre>
 *
 * <p>JSON is UTF-8, has no member twice and nothing after it. Keys are at least as strong as the hash:
 * secrets of 32, 48 or 64 bytes (HS256, HS384, HS512), RSA of 2048 bits, EC on P-256.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link InvalidException} has the reason, which is for the log: answer all of them alike. It quotes
 * nothing of the token. A key that does not fit the algorithm is an IllegalArgumentException.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable, safe for any number of threads. Nothing is kept of a token: one that leaked is good
 * until it expires. To verify takes some 5 microseconds of a core with HS256, 60 with RS256 and 1,500
 * with ES256; to sign 5, 2,000 and 900. A token without a good header costs no signature.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, the JDK (17 or newer) and jackson-databind 2.16 or newer are all it needs.
 *
 * <p>Source: RFC 7515 (signatures), 7518 (algorithms), 7519 (claims), 8725 (what went wrong elsewhere).
 */
public final class Jwt {
  private static final int MAX_CHARS = 8192; // Many servers refuse longer headers.
  private static final int MAX_DEPTH = 20; // Claims are flat, or nearly so.
  private static final double MAX_SECONDS = 253_402_300_799d; // The end of the year 9999.
  private static final Duration MAX_LEEWAY = Duration.ofSeconds(60); // Clocks differ by less.
  private static final Set<String> TYPES = Set.of("jwt", "at+jwt"); // RFC 7519, 5.1; RFC 9068, 2.1
  private static final ObjectMapper JSON =
      new ObjectMapper(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .recyclerPool(JsonRecyclerPools.sharedConcurrentDequePool()) // virtual threads
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Jwt() {}

  /** How tokens are signed: HS... by a shared secret, RS... and ES... by the private key of a pair. */
  public enum Algorithm {
    HS256("HmacSHA256", 32, "a secret of at least 32 bytes"),
    HS384("HmacSHA384", 48, "a secret of at least 48 bytes"),
    HS512("HmacSHA512", 64, "a secret of at least 64 bytes"),
    RS256("SHA256withRSA", 2048, "an RSA key of at least 2048 bits"),
    ES256("SHA256withECDSAinP1363Format", 64, "an EC key on the curve P-256");

    private final String jdkName;
    private final int size; // Least bytes of a secret or bits of a key; bytes of a signature.
    private final String needs;

    Algorithm(String jdkName, int size, String needs) {
      this.jdkName = jdkName;
      this.size = size;
      this.needs = needs;
    }

    /** The usual one for such a key: HS256, RS256 or ES256. */
    public static Algorithm of(Key key) {
      return key instanceof SecretKey ? HS256 : key instanceof RSAKey ? RS256 : ES256;
    }

    private Key fitting(Key key) {
      boolean fits =
          switch (this) {
            case RS256 -> key instanceof RSAKey rsa && rsa.getModulus().bitLength() >= size;
            case ES256 -> key instanceof ECKey ec && isP256(ec.getParams());
            default -> key instanceof SecretKey && key.getEncoded().length >= size;
          };
      String other =
          key instanceof SecretKey
              ? "a secret of " + key.getEncoded().length + " bytes"
              : key instanceof RSAKey rsa
                  ? "an RSA key of " + rsa.getModulus().bitLength() + " bits"
                  : "another " + key.getAlgorithm() + " key";
      require(fits, this + " needs " + needs + ", not " + other);
      return key;
    }

    private static boolean isP256(ECParameterSpec curve) {
      try {
        AlgorithmParameters p256 = AlgorithmParameters.getInstance("EC");
        p256.init(new ECGenParameterSpec("secp256r1"));
        ECParameterSpec expected = p256.getParameterSpec(ECParameterSpec.class);
        return curve.getCurve().equals(expected.getCurve())
            && curve.getGenerator().equals(expected.getGenerator());
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this JDK has no P-256", e);
      }
    }

    private byte[] sign(Key key, byte[] input) {
      try {
        if (key instanceof SecretKey) {
          Mac mac = Mac.getInstance(jdkName);
          mac.init(key);
          return mac.doFinal(input);
        }
        Signature signing = Signature.getInstance(jdkName);
        signing.initSign((PrivateKey) key);
        signing.update(input);
        return signing.sign();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(this + " fails", e);
      }
    }

    private boolean isSigned(Key key, byte[] input, byte[] signature) {
      if (key instanceof SecretKey) {
        return MessageDigest.isEqual(sign(key, input), signature); // In constant time.
      }
      if (key instanceof ECKey ec && !isInRange(signature, ec.getParams().getOrder())) {
        return false;
      }
      try {
        Signature verifying = Signature.getInstance(jdkName);
        verifying.initVerify((PublicKey) key);
        verifying.update(input);
        return verifying.verify(signature);
      } catch (SignatureException e) {
        return false; // Of another length, for instance.
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(this + " fails", e);
      }
    }

    /** r and s, each from 1 to below the order; early JDK 17 takes zeros (CVE-2022-21449). */
    private static boolean isInRange(byte[] signature, BigInteger order) {
      byte[] rs = Arrays.copyOf(signature, 64);
      BigInteger r = new BigInteger(1, Arrays.copyOf(rs, 32));
      BigInteger s = new BigInteger(1, Arrays.copyOfRange(rs, 32, 64));
      boolean isPositive = r.signum() > 0 && s.signum() > 0;
      return signature.length == 64 && isPositive && r.max(s).compareTo(order) < 0;
    }
  }

  /** Makes tokens. */
  public static final class Signer {
    private final Algorithm algorithm;
    private final Key key;
    private final InstantSource clock;
    private final String header;

    /** Signs with a {@link SecretKey} or a {@link PrivateKey}. */
    public Signer(Algorithm algorithm, Key key, InstantSource clock) {
      require(!(key instanceof PublicKey), "a public key cannot sign");
      this.algorithm = algorithm;
      this.key = algorithm.fitting(key);
      this.clock = requireNonNull(clock, "clock");
      this.header = encoded(("{\"alg\":\"" + algorithm + "\",\"typ\":\"JWT\"}").getBytes(US_ASCII));
    }

    /**
     * Returns a token with these claims, and with {@code iat} and {@code exp}.
     *
     * @param lifetime until {@code exp}, in whole seconds, at least 1
     * @throws IllegalArgumentException if they cannot be JSON, or the token would exceed 8 KiB
     */
    public String sign(Map<String, ?> claims, Duration lifetime) {
      require(lifetime.toSeconds() >= 1, "lifetime < 1 s: " + lifetime);
      boolean isOpen = !claims.containsKey("iat") && !claims.containsKey("exp");
      require(isOpen, "iat and exp are the signer's to set");
      long nowSeconds = clock.instant().getEpochSecond();
      Map<String, Object> all = new LinkedHashMap<>(claims);
      all.put("iat", nowSeconds);
      all.put("exp", nowSeconds + lifetime.toSeconds());
      try {
        String input = header + '.' + encoded(JSON.writeValueAsBytes(all));
        String token = input + '.' + encoded(algorithm.sign(key, input.getBytes(US_ASCII)));
        require(token.length() <= MAX_CHARS, "token > " + MAX_CHARS + " characters");
        return token;
      } catch (JsonProcessingException e) {
        throw new IllegalArgumentException("claims cannot be written as JSON", e);
      }
    }
  }

  /**
   * What a token must say besides.
   *
   * @param issuer the {@code iss} it must have; null for any, or none
   * @param audience who we are, one of its {@code aud}; null if we have no name, and then no token
   *     that names an audience is meant for us (RFC 7519, 4.1.3)
   * @param leeway how far clocks may differ, 0 to 60 seconds
   */
  public record Expected(String issuer, String audience, Duration leeway) {
    public Expected {
      boolean isShort = !leeway.isNegative() && leeway.compareTo(MAX_LEEWAY) <= 0;
      require(isShort, "leeway not in 0..60 s: " + leeway);
    }

    /** Allows for clocks that differ by 10 seconds. */
    public static Expected of(String issuer, String audience) {
      return new Expected(issuer, audience, Duration.ofSeconds(10));
    }
  }

  /** Says whether tokens can be believed. */
  public static final class Verifier {
    private final Algorithm algorithm;
    private final Key key;
    private final Expected expected;
    private final InstantSource clock;

    /** Verifies with a {@link SecretKey} or a {@link PublicKey}. */
    public Verifier(Algorithm algorithm, Key key, Expected expected, InstantSource clock) {
      require(!(key instanceof PrivateKey), "a private key cannot verify");
      this.algorithm = algorithm;
      this.key = algorithm.fitting(key);
      this.expected = requireNonNull(expected, "expected");
      this.clock = requireNonNull(clock, "clock");
    }

    /**
     * Returns what the token says.
     *
     * @throws InvalidException if it is not to be believed
     */
    public Claims verify(String token) {
      check(token.length() <= MAX_CHARS, Reason.MALFORMED, "more than 8192 characters");
      String[] parts = token.split("\\.", -1);
      check(parts.length == 3, Reason.MALFORMED, "not three parts");
      JsonNode header = object("header", decoded("header", parts[0]));
      byte[] payload = decoded("payload", parts[1]);
      byte[] signature = decoded("signature", parts[2]);
      check(header.path("alg").isTextual(), Reason.MALFORMED, "header has no alg");
      check(!header.has("crit"), Reason.MALFORMED, "header has crit");
      String type = header.path("typ").asText("").toLowerCase(Locale.ROOT);
      boolean isJwt = !header.has("typ") || TYPES.contains(type.replaceFirst("^application/", ""));
      check(isJwt, Reason.MALFORMED, "typ is not that of a JWT");

      String alg = header.get("alg").textValue();
      check(alg.equals(algorithm.name()), Reason.WRONG_ALGORITHM, "alg is not " + algorithm);
      byte[] input = token.substring(0, token.lastIndexOf('.')).getBytes(US_ASCII);
      check(algorithm.isSigned(key, input, signature), Reason.BAD_SIGNATURE, "not by this key");

      Claims claims = new Claims(object("payload", payload));
      Instant now = clock.instant();
      Instant end = claims.expiresAt().plus(expected.leeway());
      check(now.isBefore(end), Reason.EXPIRED, "exp is over");
      Instant begin = claims.at("nbf").minus(expected.leeway());
      check(!now.isBefore(begin), Reason.NOT_YET_VALID, "nbf is to come");
      String issuer = claims.json.path("iss").textValue();
      boolean isTheirs = expected.issuer() == null || expected.issuer().equals(issuer);
      check(isTheirs, Reason.WRONG_ISSUER, "iss is another");
      String us = expected.audience();
      boolean isOurs = us == null ? claims.audience.isEmpty() : claims.audience.contains(us);
      check(isOurs, Reason.WRONG_AUDIENCE, "aud is another");
      return claims;
    }
  }

  /** What a believable token says; new with each call. */
  public static final class Claims {
    private final JsonNode json;
    private final List<String> audience = new ArrayList<>();

    private Claims(JsonNode json) {
      this.json = json;
      check(json.has("exp"), Reason.MALFORMED, "no exp");
      List.of("exp", "nbf", "iat").forEach(this::checkDate);
      List.of("iss", "sub", "jti", "scope").forEach(this::checkText);
      JsonNode aud = json.path("aud");
      for (JsonNode one : aud.isArray() || aud.isMissingNode() ? aud : List.of(aud)) {
        check(one.isTextual(), Reason.MALFORMED, "aud is not a text");
        audience.add(one.textValue());
      }
    }

    private void checkDate(String name) {
      double seconds = json.path(name).isNumber() ? json.get(name).doubleValue() : -1;
      boolean isDate = seconds >= 0 && seconds <= MAX_SECONDS;
      check(!json.has(name) || isDate, Reason.MALFORMED, name + " is not a date");
    }

    private void checkText(String name) {
      check(!json.has(name) || json.get(name).isTextual(), Reason.MALFORMED, name + " is no text");
    }

    /** Whom the token is about ({@code sub}), or null. */
    public String subject() {
      return json.path("sub").textValue();
    }

    /** What its bearer may do ({@code scope}: words with spaces between them; RFC 8693, 4.2). */
    public Set<String> scopes() {
      String scope = json.path("scope").asText("").strip();
      return scope.isEmpty() ? Set.of() : Set.copyOf(Arrays.asList(scope.split(" +")));
    }

    /** When it ends ({@code exp}). */
    public Instant expiresAt() {
      return at("exp");
    }

    /** All of it; a copy. */
    public JsonNode json() {
      return json.deepCopy();
    }

    private Instant at(String name) { // If there is none, long ago.
      return Instant.ofEpochMilli((long) (json.path(name).doubleValue() * 1000));
    }

    /** The names only: values may be personal. */
    @Override
    public String toString() {
      List<String> names = new ArrayList<>();
      json.fieldNames().forEachRemaining(names::add);
      return "Claims" + names;
    }
  }

  /** Why a token is not to be believed. */
  public enum Reason {
    MALFORMED,
    WRONG_ALGORITHM,
    BAD_SIGNATURE,
    EXPIRED,
    NOT_YET_VALID,
    WRONG_ISSUER,
    WRONG_AUDIENCE
  }

  /** A token is not to be believed. No stack trace: hostile input must be cheap to refuse. */
  public static final class InvalidException extends RuntimeException {
    private final Reason reason;

    private InvalidException(Reason reason, String message) {
      super(reason + ": " + message, null, false, false);
      this.reason = reason;
    }

    /** What was found first. */
    public Reason reason() {
      return reason;
    }
  }

  private static void check(boolean holds, Reason reason, String message) {
    if (!holds) {
      throw new InvalidException(reason, message);
    }
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }

  private static String encoded(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static byte[] decoded(String part, String text) {
    try {
      byte[] bytes = Base64.getUrlDecoder().decode(text);
      // The JDK takes padding and stray bits too; one token could then be written in many ways.
      check(encoded(bytes).equals(text), Reason.MALFORMED, part + " is not canonical base64url");
      return bytes;
    } catch (IllegalArgumentException e) {
      throw new InvalidException(Reason.MALFORMED, part + " is not base64url");
    }
  }

  private static JsonNode object(String part, byte[] bytes) {
    try {
      // Given the bytes, Jackson would guess their encoding, and read UTF-16 too.
      JsonNode json = JSON.readTree(UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
      check(json.isObject(), Reason.MALFORMED, part + " is not a JSON object");
      return json;
    } catch (IOException e) { // Not a cause: its message quotes what was sent.
      throw new InvalidException(Reason.MALFORMED, part + " is not JSON");
    }
  }
}
