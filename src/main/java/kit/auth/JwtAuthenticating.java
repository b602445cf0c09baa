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
 * Lets only those requests pass that bring a token which can be believed, and takes tokens along on
 * requests of our own.
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
 *   Authorization                  answer   WWW-Authenticate
 *   none, or of another scheme     401      Bearer realm="access"
 *   more than one                  400      none
 *   a token not to be believed     401      Bearer error="invalid_token"
 *   a token without the scope      403      Bearer error="insufficient_scope", scope="users:delete"
 *   a good one                     the endpoint's; the claims are in its context
 * </pre>
 *
 * <p>What is wrong with a token is in the log (debug) and nowhere else: the difference between expired
 * and forged helps only who forges. The token itself is in no message and no log.
 *
 * <p>Put it inside the rate limit, which is cheaper, and outside of all that works for the caller.
 *
 * <h2>Threads</h2>
 *
 * <p>Safe for any number of threads. Go kit's words: {@code jwt.NewParser}, {@code HTTPToContext},
 * {@code ContextToHTTP}.
 *
 * <p>Source: RFC 6750.
 */
public final class JwtAuthenticating {
  /** What the caller's token says. */
  public static final Context.Key<Jwt.Claims> CLAIMS = Context.key("claims");

  /** The caller's token; see {@link #passingOn}. */
  public static final Context.Key<String> TOKEN = Context.key("token");

  private static final String NEEDED = "a valid access token is needed";
  private static final String SCHEME = "Bearer ";
  private static final Pattern TOKEN_SYNTAX =
      Pattern.compile("[A-Za-z0-9._~+/-]+=*"); // RFC 6750, 2.1
  private static final Pattern SCOPE_SYNTAX = Pattern.compile("[!#-\\[\\]-~]+"); // RFC 6749, 3.3

  private JwtAuthenticating() {}

  /** Answers 401 unless {@code verifier} believes the request's bearer token. */
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
   * Answers 403 unless {@code scope} is among the scopes of the token. Goes inside {@link #verifying}.
   *
   * @throws IllegalArgumentException if that is no scope: one word of printable ASCII, without {@code
   *     "} and {@code \}
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
   * Returns {@code scope} if it can be one.
   *
   * @throws IllegalArgumentException if not
   */
  public static String checkedScope(String scope) {
    if (!SCOPE_SYNTAX.matcher(scope).matches()) {
      throw new IllegalArgumentException("scope not one word of printable ASCII: " + scope);
    }
    return scope;
  }

  /**
   * Sends a token along.
   *
   * @param token is asked for each request; null sends none
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
   * Sends the token of the caller along, if there is one: the peer then acts for the caller, and can
   * do so elsewhere. For peers that are trusted as much as we are.
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
   * Returns {@code token} if it can stand in a header.
   *
   * @throws IllegalArgumentException if not; it does not show the token, as the JDK would
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
