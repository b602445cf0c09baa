// SPDX-License-Identifier: Apache-2.0
/**
 * Reverse proxy as an endpoint: {@link kit.http.proxy.ReverseProxy} forwards a request to another
 * server and streams the response back.
 *
 * <p>Dependencies: {@link kit.http} and {@link kit.http.client}.
 */
package kit.http.proxy;
