// SPDX-License-Identifier: Apache-2.0
package kit.log;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Arrays;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.http.RequestId;

/**
 * Logging middleware: logs each call of an endpoint with request, response, error and duration.
 *
 * <pre>{@code
 * Logging.calls(log, "getName").around(endpoint)
 * // method=getName input=UserRequest[uid=101] output=UserResponse[result=jerry8081] err=null
 * //   took=0.012ms request_id=5f0c... trace_id=4bf9...     (one line)
 * }</pre>
 *
 * <p>Requests and responses are logged by their {@code toString()}, which must not contain secrets.
 * The ids are those of the {@link Context}, if it has any.
 *
 * <p>Thread-safe if the log is. Not for endpoints that are called thousands of times a second.
 */
public final class Logging {
  private Logging() {}

  /**
   * Returns a middleware that logs calls of {@code method} to {@code log}, at the level of that.
   */
  public static <Q, R> Middleware<Q, R> calls(KeyValueLog log, String method) {
    requireNonNull(log, "log");
    requireNonNull(method, "method");
    return next -> (context, request) -> call(log, method, next, context, request);
  }

  private static <Q, R> R call(
      KeyValueLog log, String method, Endpoint<Q, R> next, Context context, Q request)
      throws Exception {
    long startedAtNanos = System.nanoTime();
    R response = null;
    Throwable error = null;
    try {
      response = next.call(context, request);
      return response;
    } catch (Throwable e) {
      error = e;
      throw e;
    } finally {
      Duration took = Duration.ofNanos(System.nanoTime() - startedAtNanos);
      withIds(log, context)
          .log("method", method, "input", request, "output", response, "err", error, "took", took);
    }
  }

  /**
   * Returns {@code log} with the request id and trace id of {@code context} as suffix, if present.
   */
  public static KeyValueLog withIds(KeyValueLog log, Context context) {
    Object[] ids = new Object[4];
    int count = 0;
    String requestId = context.get(RequestId.KEY);
    if (requestId != null) {
      ids[count++] = "request_id";
      ids[count++] = requestId;
    }
    String traceId = context.get(RequestId.TRACE_ID);
    if (traceId != null) {
      ids[count++] = "trace_id";
      ids[count++] = traceId;
    }
    return log.withSuffix(Arrays.copyOf(ids, count));
  }
}
