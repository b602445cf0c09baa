// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import kit.http.Json;

/** A fake Zipkin that accepts spans or fails. */
final class FakeZipkin implements AutoCloseable {
  /** What was posted, one array a request. */
  final BlockingQueue<JsonNode> batches = new LinkedBlockingQueue<>();

  /** The status of the next responses. */
  volatile int status = 202;

  /** Called with each request before the response is sent. */
  volatile Runnable onRequest = () -> {};

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpServer server;

  FakeZipkin() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/api/v2/spans", this::take);
    server.start();
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  private void take(HttpExchange exchange) throws IOException {
    JsonNode batch = Json.readTree(exchange.getRequestBody().readAllBytes());
    onRequest.run();
    if (status == 202) {
      batches.add(batch);
    }
    exchange.sendResponseHeaders(status, -1);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
