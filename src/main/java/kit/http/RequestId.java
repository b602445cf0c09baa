// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import kit.Context;

/**
 * Request ids: identify a request in the response, in logs and at every service that it reaches.
 *
 * <p>The id is sent in the header {@code X-Request-Id}. An id from a client is kept if it is the
 * only one and matches {@code [A-Za-z0-9._-]{1,64}}, because it is written into log lines and
 * headers; any other is replaced by a new one.
 */
public final class RequestId {
  /** The name of the header. */
  public static final String HEADER = "X-Request-Id";

  /** The key of the request id in the context. */
  public static final Context.Key<String> KEY = Context.key("request-id");

  /**
   * The key of the trace id in the context, for log lines and error responses; {@code kit.tracing}
   * sets it.
   */
  public static final Context.Key<String> TRACE_ID = Context.key("trace-id");

  private static final Pattern HARMLESS = Pattern.compile("[A-Za-z0-9._-]{1,64}");

  private RequestId() {}

  /** Returns the ids in {@code context} for a log line: {@code request ab, trace cd}. */
  public static String idsIn(Context context) {
    String traceId = context.get(TRACE_ID);
    return "request " + context.get(KEY) + (traceId == null ? "" : ", trace " + traceId);
  }

  /** Returns {@code sent} if it is a valid id, else a new id; {@code sent} may be null. */
  public static String acceptOrNew(String sent) {
    return sent != null && HARMLESS.matcher(sent).matches() ? sent : newId();
  }

  /** Returns a new id of sixteen hex digits, which is not a secret: it can be guessed. */
  public static String newId() {
    // A negative number has all its digits. HexFormat takes five times as long on newer JDKs.
    return Long.toHexString(ThreadLocalRandom.current().nextLong() | Long.MIN_VALUE);
  }
}
