// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP server on the JDK's own: {@link kit.http.server.HttpService} binds, serves, drains and
 * stops.
 *
 * <p>{@link kit.http.server.ServerSettings} sets the limits that the JDK's server has for the whole
 * JVM, a {@link kit.http.server.ServerEngine} has them for one server. {@link
 * kit.http.server.AccessLog} writes a line for each request. The package-private
 * classes check requests and send responses.
 *
 * <p>Dependencies: {@link kit.http}, whose handlers it serves.
 */
package kit.http.server;
