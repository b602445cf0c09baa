// SPDX-License-Identifier: Apache-2.0
/**
 * The server side of HTTP, over the JDK's own server: {@link kit.http.server.HttpService} binds, serves,
 * drains and stops.
 *
 * <p>{@link kit.http.server.ServerSettings} sets the limits that the JDK's server has for the whole JVM,
 * {@link kit.http.server.AccessLog} writes a line for each request. The package-private classes check
 * requests and send responses.
 *
 * <p>In the map: on {@link kit.http}, whose handlers it serves.
 */
package kit.http.server;
