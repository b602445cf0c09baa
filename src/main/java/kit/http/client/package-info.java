// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP client on the JDK's own: {@link kit.http.client.HttpEndpoint} is the client side of an
 * endpoint.
 *
 * <p>Its building blocks serve other clients, too: {@link kit.http.client.BodyCollector} collects a
 * response, {@link kit.http.client.ResponseFraming} checks its head, and {@link
 * kit.http.client.PeerExceptions} converts failures into a {@link kit.PeerException}. {@link
 * kit.http.client.EachAddressClient} tries each address of a name, {@link kit.http.client.LazyTls}
 * sets TLS up with the first connection that needs it, and {@link kit.http.client.TlsFailure} is the
 * reason why one fails.
 *
 * <p>Dependencies: {@link kit.http}.
 */
package kit.http.client;
