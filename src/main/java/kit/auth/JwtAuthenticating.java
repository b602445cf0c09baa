// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.util.Objects.requireNonNull;

import java.util.function.Supplier;
import java.util.regex.Pattern;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.StatusException;
import kit.http.Request;
import kit.http.Response;
import kit.http.client.HttpEndpoint;

/**
 * JWT authentication: middleware that requires a valid bearer token or a scope, and sends tokens
 * with client requests.
 *
 * <pre>{@code
 * Middleware<Request, Response> known = JwtAuthenticating.verifying(verifier);
 * Middleware<Request, Response> mayDelete = JwtAuthenticating.requiringScope("users:delete");
 * router
 *     .route("GET", "/user/{uid}", known.around(getName))
 *     .route("DELETE", "/user/{uid}", Middleware.chain(known, mayDelete).around(deleteUser));
 *
 * endpoint.before(JwtAuthenticating.sending(() -> token)); // on the client
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   Authorization                  status   WWW-Authenticate
 *   none, or of another scheme     401      Bearer realm="access"
 *   more than one                  400      none
 *   an invalid token               401      Bearer error="invalid_token"
 *   a token without the scope      403      Bearer error="insufficient_scope", scope="users:delete"
 *   a valid one                    the endpoint's; the claims are in its context
 * </pre>
 *
 * <p>The reason why a token is invalid is logged at debug level and not sent: the difference
 * between expired and forged would help an attacker. The token itself is in no message and no log.
 *
 * <p>Put it inside the rate limit, which is cheaper, and outside of everything that needs an
 * authenticated caller.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. Equivalent in Go kit: {@code jwt.NewParser}, {@code HTTPToContext}, {@code
 * ContextToHTTP}.
 *
 * <p>Source: RFC 6750.
 */
public final class JwtAuthenticating {
  /** The key of the claims of the caller's token in the context. */
  public static final Context.Key<Jwt.Claims> CLAIMS = Context.key("claims");

  /** The key of the caller's token in the context; see {@link #passingOn}. */
  public static final Context.Key<String> TOKEN = Context.key("token");

  private static final String NEEDED = "a valid access token is needed";
  private static final String SCHEME = "Bearer ";
  private static final Pattern TOKEN_SYNTAX =
      Pattern.compile("[A-Za-z0-9._~+/-]+=*"); // RFC 6750, 2.1
  private static final Pattern SCOPE_SYNTAX = Pattern.compile("[!#-\\[\\]-~]+"); // RFC 6749, 3.3

  private JwtAuthenticating() {}

  /**
   * Returns a middleware that rejects requests with 401 unless {@code verifier} accepts their
   * bearer token.
   */
  public static Middleware<Request, Response> verifying(Jwt.Verifier verifier) {
    requireNonNull(verifier, "verifier");
    return next -> (context, request) -> verify(verifier, next, context, request);
  }

  private static Response verify(
      Jwt.Verifier verifier, Endpoint<Request, Response> next, Context context, Request request)
      throws Exception {
    String token = token(request);
    Jwt.Claims claims = claims(verifier, token);
    return next.call(context.with(CLAIMS, claims).with(TOKEN, token), request);
  }

  /**
   * Returns a middleware that rejects requests with 403 unless the token has {@code scope}. Put it
   * inside {@link #verifying}.
   *
   * @throws IllegalArgumentException if {@code scope} is malformed: it must be one word of
   *     printable ASCII, without {@code "} and {@code \}
   */
  public static <Q, R> Middleware<Q, R> requiringScope(String scope) {
    checkedScope(scope);
    return next -> (context, request) -> requireScope(scope, next, context, request);
  }

  private static <Q, R> R requireScope(
      String scope, Endpoint<Q, R> next, Context context, Q request) throws Exception {
    Jwt.Claims claims = context.get(CLAIMS);
    if (claims == null) {
      throw new IllegalStateException("no claims: requiringScope goes inside verifying");
    }
    if (!claims.scopes().contains(scope)) {
      throw new StatusException(403, "the access token lacks the scope " + scope)
          .with("WWW-Authenticate", "Bearer error=\"insufficient_scope\", scope=\"" + scope + '"');
    }
    return next.call(context, request);
  }

  /**
   * Returns {@code scope} if it is well-formed.
   *
   * @throws IllegalArgumentException if it is not
   */
  public static String checkedScope(String scope) {
    if (!SCOPE_SYNTAX.matcher(scope).matches()) {
      throw new IllegalArgumentException("scope not one word of printable ASCII: " + scope);
    }
    return scope;
  }

  /**
   * Returns a function that adds a bearer token to client requests.
   *
   * @param token called for each request; null adds no token
   */
  public static HttpEndpoint.Before sending(Supplier<String> token) {
    requireNonNull(token, "token");
    return (context, request) -> {
      String now = token.get();
      if (now != null) {
        request.setHeader("Authorization", SCHEME + checked(now));
      }
    };
  }

  /**
   * Returns a function that forwards the caller's token, if any, with client requests. The peer can
   * then act for the caller elsewhere, too: use it for trusted peers only.
   */
  public static HttpEndpoint.Before passingOn() {
    return (context, request) -> {
      String token = context.get(TOKEN);
      if (token != null) {
        request.setHeader("Authorization", SCHEME + token);
      }
    };
  }

  /**
   * Returns {@code token} if it is well-formed (RFC 6750).
   *
   * @throws IllegalArgumentException if it is not; unlike the JDK's, the message does not show it
   */
  public static String checked(String token) {
    if (!TOKEN_SYNTAX.matcher(token).matches()) {
      throw new IllegalArgumentException("not a bearer token: empty, or characters not allowed");
    }
    return token;
  }

  private static String token(Request request) {
    String authorization = request.header("Authorization");
    boolean isBearer =
        authorization != null && authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
    if (!isBearer) {
      throw refusal("realm=\"access\"", null);
    }
    return authorization.substring(SCHEME.length()).strip();
  }

  private static Jwt.Claims claims(Jwt.Verifier verifier, String token) {
    try {
      return verifier.verify(token);
    } catch (Jwt.InvalidException e) {
      throw refusal("error=\"invalid_token\"", e);
    }
  }

  private static StatusException refusal(String challenge, Jwt.InvalidException cause) {
    return new StatusException(401, NEEDED, cause).with("WWW-Authenticate", SCHEME + challenge);
  }
}
