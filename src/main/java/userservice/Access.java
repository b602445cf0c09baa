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
 * Who may call, and who gets a token to call with.
 *
 * @param tokens what they must be like, and so what those from here are like
 * @param users absent if nobody gets a token here
 */
record Access(JwtFlags.Tokens tokens, Optional<PasswordFile> users) {
  private static final Duration LIFETIME = Duration.ofHours(1);

  // Checking a password takes 0.4 s of a core, so who may make us check as often as he likes takes
  // the cores from all others. And at one a second, guessing is slow.
  private static final double CHECKS_PER_SECOND = 1;
  private static final int CHECKS_AT_ONCE = 5;

  /**
   * Declares the flags, and returns what reads their files: nothing if no token is needed.
   *
   * @throws Flags.UsageException when they are read, if a file cannot be used, or the flags do not go
   *     together
   */
  static Supplier<Optional<Access>> flags(Flags flags) {
    JwtFlags tokens = new JwtFlags(flags);
    Supplier<Optional<Path>> usersFile =
        flags.optional(
            "users-file",
            FlagFile.TYPE.or("none"),
            "none",
            "who gets a token from POST /access-token");
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

  /** Returns what answers {@code POST /access-token}, if there are users and a key that can sign. */
  Optional<Endpoint<Request, Response>> accessToken(Instrumenting instrumenting) {
    Optional<Jwt.Signer> signer = tokens.signer();
    if (signer.isEmpty() && users.isPresent()) {
      LoggerFactory.getLogger(Access.class)
          .warn("nobody gets an access token here: a public key cannot sign");
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
    Map<String, Object> answer = new LinkedHashMap<>(); // RFC 6749, 5.1
    answer.put("access_token", signer.sign(claims, LIFETIME));
    answer.put("token_type", "Bearer");
    answer.put("expires_in", LIFETIME.toSeconds());
    return Response.json(200, Json.write(answer)).with("Cache-Control", "no-store");
  }
}
