// SPDX-License-Identifier: Apache-2.0
/**
 * An HTTP/1.1 server engine beneath {@code com.sun.net.httpserver}: one thread for each connection,
 * strict parsing, limits for each server.
 *
 * <pre>{@code
 * HttpServer server = new EngineProvider().createHttpServer(new InetSocketAddress(8080), 0);
 * server.createContext("/", exchange -> ...); // As with the JDK's own engine.
 * server.start();
 * }</pre>
 *
 * <p>Dependencies: the JDK alone. The folder can be copied.
 */
package kit.engine;
