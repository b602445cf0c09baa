// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.auth.BasicAuthenticating;
import kit.auth.Jwt;
import kit.auth.PasswordFile;
import kit.cli.FlagFile;
import kit.cli.Flags;
import kit.cli.JwtFlags;
import kit.http.Json;
import kit.http.Request;
import kit.http.Response;
import kit.metrics.Instrumenting;
import kit.ratelimit.RateLimiting;
import kit.ratelimit.TokenBucket;
import org.slf4j.LoggerFactory;

/**
 * Authentication of the user service: verifies tokens, and issues them for passwords.
 *
 * @param tokens verifies and signs tokens
 * @param users absent if the service issues no tokens
 */
record Access(JwtFlags.Tokens tokens, Optional<PasswordFile> users) {
  private static final Duration LIFETIME = Duration.ofHours(1);

  // A password check takes 0.4 s of a core, so unlimited checks would starve all other requests.
  // One per second also slows down guessing.
  private static final double CHECKS_PER_SECOND = 1;
  private static final int CHECKS_AT_ONCE = 5;

  /**
   * Declares the flags. The result reads their files; it is empty if no token is required.
   *
   * @throws Flags.UsageException from the result, if a file cannot be used or flags contradict each other
   */
  static Supplier<Optional<Access>> flags(Flags flags) {
    JwtFlags tokens = new JwtFlags(flags);
    Supplier<Optional<Path>> usersFile =
        flags
            .group("Security")
            .optional(
                "users-file",
                FlagFile.TYPE.or("none"),
                "none",
                "password hashes for POST /access-token");
    return () -> {
      Optional<JwtFlags.Tokens> needed = tokens.read();
      if (needed.isEmpty()) {
        JwtFlags.checkIsNotGiven("--users-file", usersFile);
        return Optional.empty();
      }
      Optional<PasswordFile> users =
          usersFile.get().map(file -> FlagFile.read("--users-file", file, PasswordFile::read));
      return Optional.of(new Access(needed.get(), users));
    };
  }

  /** Rejects a request without a valid token. */
  Middleware<Request, Response> guard() {
    return tokens.guard();
  }

  /** Returns the endpoint of {@code POST /access-token}, if there are users and a signing key. */
  Optional<Endpoint<Request, Response>> accessToken(Instrumenting instrumenting) {
    Optional<Jwt.Signer> signer = tokens.signer();
    if (signer.isEmpty() && users.isPresent()) {
      LoggerFactory.getLogger(Access.class)
          .warn("--users-file ignored: a public key cannot sign access tokens");
    }
    if (signer.isEmpty() || users.isEmpty()) {
      return Optional.empty();
    }
    TokenBucket checks = new TokenBucket(CHECKS_PER_SECOND, CHECKS_AT_ONCE);
    return Optional.of(
        Middleware.chain(
                RateLimiting.<Request, Response>rejecting(
                    instrumenting.limit("passwords", checks::tryAcquireNanos)),
                BasicAuthenticating.checking("access token", users.get()::verify))
            .around((context, request) -> issue(context, signer.get())));
  }

  private Response issue(Context context, Jwt.Signer signer) {
    Jwt.Expected expected = tokens.expected();
    Map<String, Object> claims = new LinkedHashMap<>();
    claims.put("sub", context.get(BasicAuthenticating.USER));
    expected.issuer().ifPresent(issuer -> claims.put("iss", issuer));
    expected.audience().ifPresent(audience -> claims.put("aud", audience));
    tokens.scope().ifPresent(word -> claims.put("scope", word));
    Map<String, Object> body = new LinkedHashMap<>(); // RFC 6749, 5.1
    body.put("access_token", signer.sign(claims, LIFETIME));
    body.put("token_type", "Bearer");
    body.put("expires_in", LIFETIME.toSeconds());
    return Response.json(200, Json.write(body)).with("Cache-Control", "no-store");
  }
}
