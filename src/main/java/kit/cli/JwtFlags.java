// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.nio.file.Path;
import java.security.Key;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import kit.Middleware;
import kit.auth.Jwt;
import kit.auth.JwtAuthenticating;
import kit.auth.KeyFile;
import kit.http.Request;
import kit.http.Response;

/**
 * The flags of a server's authentication: {@code --jwt-key-file} and the claims that tokens need.
 *
 * <p>Not thread-safe, as {@link Flags} is not; its result is.
 */
public final class JwtFlags {
  private static final Flags.Type<Jwt.Algorithm> ALGORITHM =
      new Flags.Type<>("ALGORITHM", "HS256, HS384, HS512, RS256, ES256", Jwt.Algorithm::valueOf);

  private static final Flags.Type<String> SCOPE =
      new Flags.Type<>("SCOPE", "one word", JwtAuthenticating::checkedScope);

  private static final Duration LEEWAY = Duration.ofSeconds(10); // NTP keeps clocks closer.

  private final Supplier<Optional<Path>> keyFile;
  private final Supplier<Optional<Jwt.Algorithm>> algorithm;
  private final Supplier<Optional<String>> issuer;
  private final Supplier<Optional<String>> audience;
  private final Supplier<Optional<String>> scope;

  /** Declares the flags. */
  public JwtFlags(Flags flags) {
    flags.group("Security");
    keyFile =
        flags.optional(
            "jwt-key-file",
            FlagFile.TYPE.or("none"),
            "none",
            "require JWTs; key file to verify them");
    algorithm =
        flags.optional(
            "jwt-algorithm",
            ALGORITHM.or("auto"),
            "auto",
            "HS256, HS384, HS512, RS256, ES256; unset = by key type");
    issuer = flags.optional("jwt-issuer", Flags.TEXT.or("any"), "any", "required issuer (iss)");
    audience =
        flags.optional("jwt-audience", Flags.TEXT.or("none"), "none", "required audience (aud)");
    scope = flags.optional("jwt-scope", SCOPE.or("none"), "none", "required scope");
  }

  /**
   * The verification of tokens.
   *
   * @param verifier checks signatures and claims
   * @param signer signs tokens; absent if there is only a public key
   * @param expected claims
   * @param scope the required scope, if there is one
   */
  public record Tokens(
      Jwt.Verifier verifier,
      Optional<Jwt.Signer> signer,
      Jwt.Expected expected,
      Optional<String> scope) {
    /** Returns the middleware that rejects requests without a valid token. */
    public Middleware<Request, Response> guard() {
      Middleware<Request, Response> known = JwtAuthenticating.verifying(verifier);
      return scope
          .map(JwtAuthenticating::<Request, Response>requiringScope)
          .map(mayCall -> Middleware.chain(known, mayCall))
          .orElse(known);
    }
  }

  /**
   * Reads the key; empty if no token is required.
   *
   * @throws Flags.UsageException if the file cannot be used, or the flags contradict each other
   */
  public Optional<Tokens> read() {
    if (keyFile.get().isEmpty()) {
      checkNothingElseIsGiven();
      return Optional.empty();
    }
    KeyFile keys = FlagFile.read("--jwt-key-file", keyFile.get().get(), KeyFile::read);
    Jwt.Algorithm chosen = algorithm.get().orElse(Jwt.Algorithm.of(keys.verifying()));
    Jwt.Expected expected = new Jwt.Expected(issuer.get(), audience.get(), LEEWAY);
    try {
      return Optional.of(
          new Tokens(
              new Jwt.Verifier(chosen, keys.verifying(), expected, InstantSource.system()),
              keys.signing().map(key -> signer(chosen, key)),
              expected,
              scope.get()));
    } catch (IllegalArgumentException e) { // The key does not fit.
      String flag = algorithm.get().isPresent() ? "--jwt-algorithm: " : "--jwt-key-file: ";
      throw new Flags.UsageException(flag + e.getMessage());
    }
  }

  private static Jwt.Signer signer(Jwt.Algorithm algorithm, Key key) {
    return new Jwt.Signer(algorithm, key, InstantSource.system());
  }

  /** Without a key these flags would have no effect, and the server would be open. */
  private void checkNothingElseIsGiven() {
    Map<String, Supplier<? extends Optional<?>>> others = new LinkedHashMap<>();
    others.put("--jwt-algorithm", algorithm);
    others.put("--jwt-issuer", issuer);
    others.put("--jwt-audience", audience);
    others.put("--jwt-scope", scope);
    others.forEach(JwtFlags::checkIsNotGiven);
  }

  /**
   * Rejects a flag that has no effect without a key.
   *
   * @param flag its name, with dashes
   * @throws Flags.UsageException if it has a value
   */
  public static void checkIsNotGiven(String flag, Supplier<? extends Optional<?>> value) {
    if (value.get().isPresent()) {
      throw new Flags.UsageException(flag + " has no effect without --jwt-key-file");
    }
  }
}
