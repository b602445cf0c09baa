// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.net.InetSocketAddress;
import kit.Context;

/**
 * What became of one request: all that access log, metrics and trace need to know.
 *
 * @param route the template of the route, such as <code>/user/{uid:\d+}</code>; never the raw path,
 *     of which there is no end
 * @param path the path as it came, without the query, which may hold secrets; whatever a client likes
 * @param method the method, or {@code OTHER} if it is not a standard one
 * @param status the status sent, or 0 if the request was dropped without an answer
 * @param bytes the length of the body sent
 * @param nanos the time from the first look at the request to the last byte of the answer
 * @param error what the handler threw, or what broke the connection; null if nothing did
 * @param requestId the {@code X-Request-Id} of the answer
 * @param context what {@code HttpService.before} put into the context of the request; what inner
 *     layers add is not seen here
 * @param remote the other end of the connection, which may be a proxy
 */
public record RequestSummary(
    String route,
    String path,
    String method,
    int status,
    long bytes,
    long nanos,
    Throwable error,
    String requestId,
    Context context,
    InetSocketAddress remote) {}
