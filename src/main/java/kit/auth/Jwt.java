// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.JsonRecyclerPools;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.interfaces.ECKey;
import java.security.interfaces.RSAKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.SecretKey;

/**
 * Signs and verifies JSON Web Tokens.
 *
 * <pre>{@code
 * SecretKey key = new SecretKeySpec(secret, "HMAC"); // 32 random bytes
 * Jwt.Signer signer = new Jwt.Signer(Jwt.Algorithm.HS256, key, InstantSource.system());
 * String token = signer.sign(Map.of("sub", "jerry", "aud", "userservice"), Duration.ofHours(1));
 *
 * Jwt.Expected expected = Jwt.Expected.anyIssuer().withAudience("userservice");
 * Jwt.Verifier verifier =
 *     new Jwt.Verifier(Jwt.Algorithm.HS256, key, expected, InstantSource.system());
 * verifier.verify(token).subject(); // "jerry"
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A verifier has one algorithm and one key, of a Java type that fits; the token's own header
 * chooses neither. So {@code none}, or a public key taken for a secret, cannot work. It checks in
 * this order:
 *
 * <pre>
 *   header.payload.signature   at most 8 KiB; unpadded, canonical base64url       MALFORMED
 *   header                     a JSON object, no "crit"; "typ", if there, a JWT's MALFORMED
 *   alg                        is the verifier's                                  WRONG_ALGORITHM
 *   signature                  is made with the verifier's key                    BAD_SIGNATURE
 *   payload                    a JSON object, with exp, claims of their types     MALFORMED
 *   exp                        is not past, but for the leeway                    EXPIRED
 *   nbf                        is past, but for the leeway                        NOT_YET_VALID
 *   iss, aud                   are as expected                                    WRONG_...
 * </pre>
 *
 * <p>JSON is UTF-8, has no member twice and nothing after it. Keys are at least as strong as the hash:
 * secrets of 32, 48 or 64 bytes (HS256, HS384, HS512), RSA of 2048 bits, EC on P-256.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link InvalidException} has the reason, which is for the log: respond to all of them alike. It
 * quotes nothing of the token. A key that does not fit the algorithm is an IllegalArgumentException.
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
 * <p>Source: RFC 7515 (signatures), 7518 (algorithms), 7519 (claims), 8725 (known attacks).
 */
public final class Jwt {
  private static final int MAX_CHARS = 8192; // Many servers refuse longer headers.
  private static final double MAX_SECONDS = 253_402_300_799d; // The end of the year 9999.

  // RFC 7519, 5.1; RFC 9068, 2.1
  private static final Pattern TYPE = Pattern.compile("(?i)(application/)?(at\\+)?jwt");

  private static final StreamReadConstraints FLAT = // Claims are, or nearly so.
      StreamReadConstraints.builder().maxNestingDepth(20).build();
  private static final ObjectMapper JSON =
      new ObjectMapper(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .recyclerPool(JsonRecyclerPools.sharedConcurrentDequePool()) // virtual threads
                  .streamReadConstraints(FLAT)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private Jwt() {}

  /** A signature algorithm: HS... with a shared secret, RS... and ES... with a pair of keys. */
  public enum Algorithm {
    HS256("HmacSHA256", 32, "a secret of at least 32 bytes"),
    HS384("HmacSHA384", 48, "a secret of at least 48 bytes"),
    HS512("HmacSHA512", 64, "a secret of at least 64 bytes"),
    RS256("SHA256withRSA", 2048, "an RSA key of at least 2048 bits"),
    ES256("SHA256withECDSAinP1363Format", 64, "an EC key on the curve P-256");

    // FIPS 186-4, D.1.2.3. No other curve of the JDK has it.
    private static final BigInteger P256_ORDER =
        new BigInteger("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16);

    private final String jdkName;
    private final int size; // Least bytes of a secret or bits of a key; bytes of a signature.
    private final String needs;

    Algorithm(String jdkName, int size, String needs) {
      this.jdkName = jdkName;
      this.size = size;
      this.needs = needs;
    }

    /** Returns the usual algorithm for such a key: HS256, RS256 or ES256. */
    public static Algorithm of(Key key) {
      return key instanceof SecretKey ? HS256 : key instanceof RSAKey ? RS256 : ES256;
    }

    private Key fitting(Key key) {
      boolean fits =
          this == ES256 && key instanceof ECKey ec && ec.getParams().getOrder().equals(P256_ORDER);
      String actual = "another " + key.getAlgorithm() + " key";
      if (key instanceof SecretKey) {
        fits = this != RS256 && this != ES256 && key.getEncoded().length >= size;
        actual = "a secret of " + key.getEncoded().length + " bytes";
      } else if (key instanceof RSAKey rsa) {
        fits = this == RS256 && rsa.getModulus().bitLength() >= size;
        actual = "an RSA key of " + rsa.getModulus().bitLength() + " bits";
      }
      require(fits, this + " needs " + needs + ", not " + actual);
      return key;
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
      try {
        Signature verifying = Signature.getInstance(jdkName);
        verifying.initVerify((PublicKey) key);
        verifying.update(input);
        boolean isPlausible = this != ES256 || signature.length == size && isInRange(signature);
        return isPlausible && verifying.verify(signature);
      } catch (SignatureException e) {
        return false; // Of another length, for instance.
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(this + " fails", e);
      }
    }

    /** r and s, each from 1 to below the order; early JDK 17 takes zeros (CVE-2022-21449). */
    private static boolean isInRange(byte[] signature) {
      BigInteger r = new BigInteger(1, signature, 0, 32);
      BigInteger s = new BigInteger(1, signature, 32, 32);
      return r.min(s).signum() > 0 && r.max(s).compareTo(P256_ORDER) < 0;
    }
  }

  /** Signs tokens. Immutable. */
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
      this.header = encoded(("{\"alg\":\"" + algorithm + "\",\"typ\":\"JWT\"}").getBytes(UTF_8));
    }

    /**
     * Returns a token with these claims, and with {@code iat} and {@code exp}.
     *
     * @param lifetime until {@code exp}, in whole seconds, at least 1
     * @throws IllegalArgumentException for a claim {@code iat} or {@code exp}, for claims that cannot
     *     be JSON, or if the token would exceed 8 KiB
     */
    public String sign(Map<String, ?> claims, Duration lifetime) {
      require(lifetime.toSeconds() >= 1, "lifetime < 1 s: " + lifetime);
      boolean isDated = claims.containsKey("iat") || claims.containsKey("exp");
      require(!isDated, "iat and exp are the signer's to set");

      long nowSeconds = clock.instant().getEpochSecond();
      Map<String, Object> all = new LinkedHashMap<>(claims);
      all.put("iat", nowSeconds);
      all.put("exp", nowSeconds + lifetime.toSeconds());
      try {
        String input = header + '.' + encoded(JSON.writeValueAsBytes(all));
        String token = input + '.' + encoded(algorithm.sign(key, input.getBytes(UTF_8)));
        require(token.length() <= MAX_CHARS, "token > " + MAX_CHARS + " characters");
        return token;
      } catch (IOException e) {
        throw new IllegalArgumentException("claims cannot be written as JSON", e);
      }
    }
  }

  /**
   * The claims that a verifier requires, besides a valid {@code exp}.
   *
   * @param issuer the {@code iss} that a token must have; empty accepts any, and none
   * @param audience the name of this service, which must be in {@code aud}; empty rejects all tokens
   *     that have an {@code aud}, because they are meant for other services (RFC 7519, 4.1.3)
   * @param leeway how far clocks may differ, 0 to 60 seconds
   */
  public record Expected(Optional<String> issuer, Optional<String> audience, Duration leeway) {
    /** Checks the range of the leeway. */
    public Expected {
      boolean isShort = !leeway.isNegative() && leeway.compareTo(Duration.ofMinutes(1)) <= 0;
      require(isShort, "leeway not in 0..60 s: " + leeway);
    }

    /** Accepts any issuer, and tokens without an audience; leeway 10 seconds. */
    public static Expected anyIssuer() {
      return new Expected(Optional.empty(), Optional.empty(), Duration.ofSeconds(10));
    }

    /** Returns these settings for tokens of this issuer only. */
    public Expected withIssuer(String issuer) {
      return new Expected(Optional.of(issuer), audience, leeway);
    }

    /** Returns these settings for tokens that are meant for this audience only. */
    public Expected withAudience(String audience) {
      return new Expected(issuer, Optional.of(audience), leeway);
    }
  }

  /** Verifies tokens. Immutable. */
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
     * Returns the claims of a valid token.
     *
     * @throws InvalidException if the token is not valid
     */
    public Claims verify(String token) {
      Reason.MALFORMED.unless(token.length() <= MAX_CHARS, "more than 8192 characters");
      String[] parts = token.split("\\.", -1);
      Reason.MALFORMED.unless(parts.length == 3, "not three parts");
      JsonNode header = object("header", decoded("header", parts[0]));
      byte[] payload = decoded("payload", parts[1]);
      byte[] signature = decoded("signature", parts[2]);

      Reason.MALFORMED.unless(header.path("alg").isTextual(), "header has no alg");
      Reason.MALFORMED.unless(!header.has("crit"), "header has crit");
      String type = header.has("typ") ? header.get("typ").asText() : "JWT";
      Reason.MALFORMED.unless(TYPE.matcher(type).matches(), "typ is not that of a JWT");
      boolean isSameAlgorithm = header.get("alg").textValue().equals(algorithm.name());
      Reason.WRONG_ALGORITHM.unless(isSameAlgorithm, "alg is not " + algorithm);

      byte[] input = token.substring(0, token.lastIndexOf('.')).getBytes(UTF_8);
      Reason.BAD_SIGNATURE.unless(algorithm.isSigned(key, input, signature), "not by this key");

      Claims claims = new Claims(object("payload", payload));
      Instant now = clock.instant();
      Reason.EXPIRED.unless(now.isBefore(claims.expiresAt().plus(expected.leeway)), "exp is over");
      boolean isEarly = now.isBefore(claims.at("nbf").minus(expected.leeway));
      Reason.NOT_YET_VALID.unless(!isEarly, "nbf is to come");

      String iss = claims.json.path("iss").textValue();
      boolean isAllowed = expected.issuer.map(issuer -> issuer.equals(iss)).orElse(true);
      Reason.WRONG_ISSUER.unless(isAllowed, "iss is another");
      List<String> aud = claims.audience;
      boolean isMeant = expected.audience.map(aud::contains).orElse(aud.isEmpty());
      Reason.WRONG_AUDIENCE.unless(isMeant, "aud is another");
      return claims;
    }
  }

  /** The claims of a valid token; a new object for each verification. */
  public static final class Claims {
    private final JsonNode json;
    private final List<String> audience = new ArrayList<>();

    private Claims(JsonNode json) {
      this.json = json;
      Reason.MALFORMED.unless(json.has("exp"), "no exp");
      List.of("exp", "nbf", "iat").forEach(this::checkDate);
      List.of("iss", "sub", "jti", "scope").forEach(this::checkText);
      JsonNode aud = json.path("aud");
      for (JsonNode one : aud.isArray() || aud.isMissingNode() ? aud : List.of(aud)) {
        Reason.MALFORMED.unless(one.isTextual(), "aud is not a text");
        audience.add(one.textValue());
      }
    }

    private void checkDate(String name) {
      double seconds = json.path(name).isNumber() ? json.get(name).doubleValue() : -1;
      boolean isDate = seconds >= 0 && seconds <= MAX_SECONDS;
      Reason.MALFORMED.unless(!json.has(name) || isDate, name + " is not a date");
    }

    private void checkText(String name) {
      Reason.MALFORMED.unless(!json.has(name) || json.get(name).isTextual(), name + " is no text");
    }

    /** Returns the subject, often a user ({@code sub}); null if there is none. */
    public String subject() {
      return json.path("sub").textValue();
    }

    /** Returns the scopes ({@code scope}: words with spaces between them; RFC 8693, 4.2). */
    public Set<String> scopes() {
      String scope = json.path("scope").asText("").strip();
      return scope.isEmpty() ? Set.of() : Set.copyOf(List.of(scope.split(" +")));
    }

    /** Returns when the token expires ({@code exp}). */
    public Instant expiresAt() {
      return at("exp");
    }

    /** Returns a copy of all claims. */
    public JsonNode json() {
      return json.deepCopy();
    }

    private Instant at(String name) { // If there is none, long ago.
      return Instant.ofEpochMilli((long) (json.path(name).doubleValue() * 1000));
    }

    /** Returns the names only: values may be personal. */
    @Override
    public String toString() {
      return "Claims" + json.properties().stream().map(Map.Entry::getKey).toList();
    }
  }

  /** Why a token is not valid; the table above has the checks. */
  public enum Reason {
    MALFORMED,
    WRONG_ALGORITHM,
    BAD_SIGNATURE,
    EXPIRED,
    NOT_YET_VALID,
    WRONG_ISSUER,
    WRONG_AUDIENCE;

    private void unless(boolean isValid, String message) {
      if (!isValid) {
        throw new InvalidException(this, message);
      }
    }
  }

  /** A token is not valid. No stack trace: hostile input must be cheap to reject. */
  public static final class InvalidException extends RuntimeException {
    private final Reason reason;

    private InvalidException(Reason reason, String message) {
      super(reason + ": " + message, null, false, false);
      this.reason = reason;
    }

    /** Returns the first check that failed. */
    public Reason reason() {
      return reason;
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
      Reason.MALFORMED.unless(encoded(bytes).equals(text), part + " is not canonical base64url");
      return bytes;
    } catch (IllegalArgumentException e) {
      throw new InvalidException(Reason.MALFORMED, part + " is not base64url");
    }
  }

  private static JsonNode object(String part, byte[] bytes) {
    try {
      // Given the bytes, Jackson would guess their encoding, and read UTF-16 too.
      JsonNode json = JSON.readTree(UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
      Reason.MALFORMED.unless(json.isObject(), part + " is not a JSON object");
      return json;
    } catch (IOException e) { // Not a cause: its message quotes what was sent.
      throw new InvalidException(Reason.MALFORMED, part + " is not JSON");
    }
  }
}
