// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints on the wire, over the JDK's own HTTP server and client.
 *
 * <p>An HTTP handler is an {@link kit.Endpoint} from {@link kit.http.Request} to
 * {@link kit.http.Response}. {@link kit.http.HttpService} serves one;
 * {@link kit.http.RoutingHandler} chooses among many; {@link kit.http.EndpointHandler} makes one
 * of any endpoint, with {@link kit.http.Decoders} and {@link kit.http.Encoders}.
 * {@code kit.http.client.HttpEndpoint} is the other side of the wire.
 *
 * <p>Parts: {@link kit.http.Router}, {@link kit.http.RequestTarget}.
 *
 * <p>In the map: on {@link kit}; nearly everything that is not about finding others is on top of
 * it.
 */
package kit.http;
