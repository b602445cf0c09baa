// SPDX-License-Identifier: Apache-2.0
package kit.http;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import kit.Context;
import kit.PeerException;
import kit.StatusException;

/**
 * Error responses in the standard form for HTTP APIs, {@code application/problem+json} (RFC 9457).
 *
 * <pre>
 * HTTP/1.1 403 Forbidden
 * Content-Type: application/problem+json
 *
 * {"status":403,"title":"Forbidden","detail":"permission denied","requestId":"5f0c..."}
 * </pre>
 *
 * <p>The type of the exception decides the status:
 *
 * <pre>
 *   StatusException                            its own status, text and headers
 *   PeerException  NO_INSTANCE, REFUSED,
 *                  NOT_CONNECTED               503, with Retry-After if known
 *                  TIMEOUT                     504
 *                  BROKEN, MALFORMED,
 *                  TOO_LARGE, STATUS           502, also for a peer's 401 or 404
 *   anything else                              500, with a generic text
 * </pre>
 *
 * <p>{@link ExecutionException} and {@link CompletionException} are unwrapped; no other exception
 * is, because wrapping an exception gives it a new meaning.
 *
 * <p>The member {@code type} is omitted, which means {@code about:blank}.
 */
public final class Problem {
  /** The media type. */
  public static final String CONTENT_TYPE = "application/problem+json";

  private Problem() {}

  /** Returns the response for {@code error}, with the ids in {@code context}. */
  public static Response of(Throwable error, Context context) {
    Throwable cause = unwrap(error);
    if (cause instanceof StatusException refusal) {
      return of(refusal.status(), refusal.detail(), context).with(refusal.headers());
    }
    if (cause instanceof PeerException failure) {
      return of(failure, context);
    }
    return of(500, "the request could not be completed", context);
  }

  private static Response of(PeerException failure, Context context) {
    return switch (failure.kind()) {
      case TIMEOUT -> of(504, "upstream timed out", context);
      case BROKEN, MALFORMED, TOO_LARGE, STATUS -> of(502, "upstream failed", context);
      case NO_INSTANCE, REFUSED, NOT_CONNECTED -> {
        Response response = of(503, "upstream unavailable", context);
        yield failure
            .retryAfter()
            .map(after -> response.with("Retry-After", Long.toString(seconds(after))))
            .orElse(response);
      }
    };
  }

  /** Returns a response with {@code status} and a {@code detail} for the client. */
  public static Response of(int status, String detail, Context context) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("status", status);
    members.put("title", title(status));
    members.put("detail", detail);
    String requestId = context.get(RequestId.KEY);
    if (requestId != null) {
      members.put("requestId", requestId);
    }
    String traceId = context.get(RequestId.TRACE_ID);
    if (traceId != null) {
      members.put("traceId", traceId);
    }
    return Response.of(status, CONTENT_TYPE, Json.write(members));
  }

  /** Returns the {@code detail} of a problem that a peer sent, or null if there is none. */
  public static String detail(byte[] body) {
    try {
      JsonNode detail = Json.readTree(body).get("detail");
      return detail != null && detail.isTextual() ? detail.textValue() : null;
    } catch (Json.MalformedException e) {
      return null;
    }
  }

  /** Returns {@code error}, or its cause if it is the wrapper of an exception in another thread. */
  public static Throwable unwrap(Throwable error) {
    Throwable cause = error;
    while ((cause instanceof ExecutionException || cause instanceof CompletionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }

  /** Returns whole seconds, rounded up, so that a client that waits that long is not too early. */
  private static long seconds(Duration duration) {
    return Math.max(0, duration.toSeconds() + (duration.toNanosPart() > 0 ? 1 : 0));
  }

  /** Returns the reason phrase of a status, of RFC 9110, section 15, or RFC 6585. */
  public static String title(int status) {
    return switch (status) {
      case 400 -> "Bad Request";
      case 401 -> "Unauthorized";
      case 403 -> "Forbidden";
      case 404 -> "Not Found";
      case 405 -> "Method Not Allowed";
      case 406 -> "Not Acceptable";
      case 408 -> "Request Timeout";
      case 409 -> "Conflict";
      case 411 -> "Length Required";
      case 413 -> "Content Too Large";
      case 414 -> "URI Too Long";
      case 415 -> "Unsupported Media Type";
      case 417 -> "Expectation Failed";
      case 422 -> "Unprocessable Content";
      case 429 -> "Too Many Requests";
      case 500 -> "Internal Server Error";
      case 501 -> "Not Implemented";
      case 502 -> "Bad Gateway";
      case 503 -> "Service Unavailable";
      case 504 -> "Gateway Timeout";
      case 505 -> "HTTP Version Not Supported";
      // Statuses that only peers send.
      default -> status < 400 ? "Redirection" : status < 500 ? "Client Error" : "Server Error";
    };
  }
}
