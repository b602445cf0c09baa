// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP/1.1 engines beneath the JDK's interfaces, with strict parsing: a server beneath {@code
 * com.sun.net.httpserver} with one thread for each connection, and a client beneath {@code
 * java.net.http.HttpClient} that needs none but the caller's.
 *
 * <pre>{@code
 * HttpServer server = new EngineProvider().createHttpServer(new InetSocketAddress(8080), 0);
 * server.createContext("/", exchange -> ...); // As with the JDK's own engine.
 * server.start();
 * HttpClient client = EngineClient.create();
 * }</pre>
 *
 * <p>Dependencies: the JDK alone. The folder can be copied.
 */
package kit.engine;
