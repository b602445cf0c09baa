// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.net.InetSocketAddress;
import kit.Context;

/**
 * Result of a served request, for access log, metrics and trace.
 *
 * @param route the template of the route, such as <code>/user/{uid:\d+}</code>; never the raw path,
 *     whose values are unbounded
 * @param path the path as received, untrusted, without the query, which may hold secrets; {@code -}
 *     if the engine rejected the request before it was parsed
 * @param method the method, or {@code OTHER} if it is not a standard one
 * @param status the status sent, or 0 if the request was dropped without a response
 * @param bytes the length of the body sent
 * @param nanos the time from the head of the request to the last byte of the response
 * @param error the exception of the handler or the connection; null after success
 * @param requestId the {@code X-Request-Id} of the response; {@code -} if it has none
 * @param context the context of the request after {@code HttpService.before}, without values that
 *     inner layers added
 * @param remote the address of the peer, which may be a proxy
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
    InetSocketAddress remote) {
  /**
   * The key of the name of the status of gRPC, such as {@code NOT_FOUND}, in the context of a summary;
   * absent if the request was none of gRPC. Its status is then the HTTP status that stands for it.
   */
  public static final Context.Key<String> GRPC_CODE = Context.key("grpc-code");
}
