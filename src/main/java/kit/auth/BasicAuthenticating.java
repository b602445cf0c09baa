// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.text.Normalizer;
import java.util.Base64;
import java.util.regex.Pattern;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.StatusException;
import kit.http.Request;
import kit.http.Response;

/**
 * HTTP Basic authentication: middleware that requires a user name and password.
 *
 * <pre>{@code
 * BasicAuthenticating.checking("users", passwordFile::verify)
 * BasicAuthenticating.checking("metrics", BasicAuthenticating.only("prometheus", password))
 *
 * context.get(BasicAuthenticating.USER); // "jerry"
 * }</pre>
 *
 * <p>Other requests are rejected with 401, the same for an unknown user and a wrong password; a
 * request with more than one Authorization header is rejected with 400. Passwords are sent in clear
 * text: use it over TLS, and preferably once for a token rather than with every request.
 *
 * <p>Thread-safe if the check is. Equivalent in Go kit: {@code basic.AuthMiddleware}.
 *
 * <p>Source: RFC 7617. Name and password are UTF-8 and compared in Unicode's form NFC; a colon ends
 * the name.
 */
public final class BasicAuthenticating {
  /** The key of the authenticated user name in the context. */
  public static final Context.Key<String> USER = Context.key("user");

  private static final String SCHEME = "Basic ";
  private static final int MAX_CHARS = 1024; // In base64; a password manager generates about 100.
  private static final Pattern REALM = Pattern.compile("[ !#-\\[\\]-~]+");

  private BasicAuthenticating() {}

  /** Verifies passwords. */
  @FunctionalInterface
  public interface Check {
    /**
     * Returns whether {@code password} is that of {@code user}, in a time that does not depend on
     * the reason of a failure. Both are in form NFC.
     */
    boolean verify(String user, String password);
  }

  /**
   * Returns a middleware that rejects requests with 401 unless {@code check} accepts their name and
   * password.
   *
   * @param realm the protection space shown to users, in printable ASCII without {@code "} and
   *     {@code \}
   */
  public static Middleware<Request, Response> checking(String realm, Check check) {
    requireNonNull(check, "check");
    if (!REALM.matcher(realm).matches()) {
      throw new IllegalArgumentException("realm not printable ASCII: " + realm);
    }
    StatusException refusal =
        new StatusException(401, "a user's name and password are needed")
            .with("WWW-Authenticate", "Basic realm=\"" + realm + "\", charset=\"UTF-8\"");
    return next -> (context, request) -> check(check, refusal, next, context, request);
  }

  private static Response check(
      Check check,
      StatusException refusal,
      Endpoint<Request, Response> next,
      Context context,
      Request request)
      throws Exception {
    String credentials = credentials(request);
    int colon = credentials.indexOf(':');
    if (colon < 0) {
      throw refusal;
    }
    String user = credentials.substring(0, colon);
    if (!check.verify(user, credentials.substring(colon + 1))) {
      throw refusal;
    }
    return next.call(context.with(USER, user), request);
  }

  /** Returns {@code name:password}, or a text without a colon. */
  private static String credentials(Request request) {
    String header = request.header("Authorization");
    if (header == null
        || header.length() > MAX_CHARS
        || !header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return "";
    }
    try {
      byte[] bytes = Base64.getDecoder().decode(header.substring(SCHEME.length()).strip());
      String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.chars().anyMatch(Character::isISOControl) ? "" : normal(text);
    } catch (IllegalArgumentException | CharacterCodingException e) {
      return "";
    }
  }

  private static String normal(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFC);
  }
}
