// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.io.IOException;
import java.net.CookieHandler;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.ResponseInfo;
import java.util.List;
import java.util.Map;

/**
 * Checks that the head of a response delimits its body unambiguously.
 *
 * <p>The JDK's client uses the first of several lengths, prefers a length to chunks, waits for a
 * negative length until the deadline, and returns the bytes of an unknown transfer coding as
 * content.
 *
 * <p>Sources: RFC 9112, section 6.3, items 1 and 3 to 5; RFC 9110, section 8.6 (a repeated
 * Content-Length with the same value).
 */
public final class ResponseFraming {
  private static final String NO_CONTENT_WITH_LENGTH =
      "unexpected content length header with 204 response"; // Seen on 17.0.15, 25.0.3.

  private ResponseFraming() {}

  /**
   * Rejects lengths that the JDK's client cannot parse; for the clients of this toolkit.
   *
   * <p>Only an exception of the cookie handler makes that client close the connection before it
   * reads the body (on JDK 25; JDK 17 keeps the connection open, see docs/http.md). It neither
   * sends nor stores cookies.
   */
  public static final CookieHandler GUARD =
      new CookieHandler() {
        @Override
        public Map<String, List<String>> get(URI uri, Map<String, List<String>> headers) {
          return Map.of();
        }

        @Override
        public void put(URI uri, Map<String, List<String>> headers) throws IOException {
          List<String> lengths = headers.getOrDefault("content-length", List.of());
          try {
            Long.parseLong(lengths.isEmpty() ? "0" : lengths.get(0)); // As the client does.
          } catch (NumberFormatException e) {
            throw notANumber();
          }
        }
      };

  /**
   * Checks the head of a response to {@code method}.
   *
   * @throws ProtocolException if the head is ambiguous; its message does not quote the head
   */
  public static void check(ResponseInfo head, String method) throws ProtocolException {
    HttpHeaders headers = head.headers();
    List<String> lengths = headers.allValues("Content-Length");
    for (String length : lengths) {
      if (parse(length) != parse(lengths.get(0))) {
        throw new ProtocolException("Content-Length with different values");
      }
    }
    boolean endsWithHead =
        method.equals("HEAD") || head.statusCode() == 204 || head.statusCode() == 304;
    List<String> codings = headers.allValues("Transfer-Encoding");
    if (endsWithHead || codings.isEmpty()) {
      return;
    }
    if (!lengths.isEmpty()) {
      throw new ProtocolException("Content-Length beside Transfer-Encoding");
    }
    if (codings.size() > 1 || !codings.get(0).strip().equalsIgnoreCase("chunked")) {
      throw new ProtocolException("Transfer-Encoding is not chunked");
    }
  }

  /**
   * Sends {@code request} on the caller's thread.
   *
   * @throws ProtocolException also if the client cannot parse a Content-Length; without {@link
   *     #GUARD} it throws an {@link IllegalArgumentException} then
   */
  public static <T> HttpResponse<T> send(
      HttpClient http, HttpRequest request, BodyHandler<T> handler)
      throws IOException, InterruptedException {
    try {
      return http.send(request, handler);
    } catch (IllegalArgumentException e) {
      if (e.getCause() instanceof NumberFormatException) {
        throw notANumber();
      }
      throw e;
    }
  }

  /** Returns the declared length in bytes of a checked head, or -1 without one. */
  public static long length(HttpHeaders headers) {
    return headers.firstValueAsLong("Content-Length").orElse(-1);
  }

  /** Returns whether the client rejected a 204 for its Content-Length or Transfer-Encoding. */
  public static boolean isNoContent(Throwable thrown) {
    return thrown instanceof IOException && NO_CONTENT_WITH_LENGTH.equals(thrown.getMessage());
  }

  private static long parse(String length) throws ProtocolException {
    try {
      if (length.chars().allMatch(c -> c >= '0' && c <= '9')) {
        return Long.parseLong(length);
      }
    } catch (NumberFormatException e) {
      // Empty, or out of range.
    }
    throw notANumber();
  }

  private static ProtocolException notANumber() {
    return new ProtocolException("Content-Length is not a number up to " + Long.MAX_VALUE);
  }
}
