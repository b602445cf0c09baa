// SPDX-License-Identifier: Apache-2.0
/**
 * The client side of HTTP, over the JDK's own client: {@link kit.http.client.HttpEndpoint} calls a
 * server as an endpoint.
 *
 * <p>What it consists of also serves other clients: {@link kit.http.client.BodyCollector} collects a
 * response, {@link kit.http.client.ResponseFraming} checks its head, and
 * {@link kit.http.client.PeerExceptions} makes a {@link kit.PeerException} of what went wrong.
 * {@link kit.http.client.EachAddressClient} tries each address of a name,
 * {@link kit.http.client.LazyTls} sets TLS up with the first connection that needs it.
 *
 * <p>In the map: on {@link kit.http}.
 */
package kit.http.client;
