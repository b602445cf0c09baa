// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP messages, routing and codecs, for server and client.
 *
 * <p>An HTTP handler is an {@link kit.Endpoint} from {@link kit.http.Request} to
 * {@link kit.http.Response}. {@link kit.http.RoutingHandler} chooses among many;
 * {@link kit.http.EndpointHandler} makes one of any endpoint, with {@link kit.http.Decoders} and
 * {@link kit.http.Encoders}. Errors become a {@link kit.http.Problem}.
 *
 * <p>{@code kit.http.server} serves a handler, {@code kit.http.client} calls another server.
 *
 * <p>Parts: {@link kit.http.Router}, {@link kit.http.RequestTarget}.
 *
 * <p>Dependencies: {@link kit} alone. The server, the client and most middleware depend on it.
 */
package kit.http;
