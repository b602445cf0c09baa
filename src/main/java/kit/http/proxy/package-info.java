// SPDX-License-Identifier: Apache-2.0
/**
 * A reverse proxy as an endpoint: {@link kit.http.proxy.ReverseProxy} forwards a request to another
 * server and streams the response back.
 *
 * <p>In the map: on {@link kit.http} for what it receives, and on {@link kit.http.client} for what it
 * sends.
 */
package kit.http.proxy;
