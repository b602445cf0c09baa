// SPDX-License-Identifier: Apache-2.0
package embedding;

import com.sun.net.httpserver.BasicAuthenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A program as the documentation of {@code com.sun.net.httpserver} describes them. */
final class JdkServer {
  private JdkServer() {}

  public static void main(String... args) throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpServer server = HttpServer.create(address, 0);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    server.setExecutor(threads);

    HttpContext open = server.createContext("/echo", JdkServer::echo);
    open.getAttributes().put("greeting", "hello");
    open.getFilters().add(new Numbering());
    open.getFilters()
        .add(Filter.afterHandler("counts", exchange -> exchange.setAttribute("done", true)));

    HttpContext closed = server.createContext("/private");
    closed.setHandler(JdkServer::greet);
    closed.setAuthenticator(
        new BasicAuthenticator("staff") {
          @Override
          public boolean checkCredentials(String user, String password) {
            return user.equals("alice") && password.equals("secret");
          }
        });
    server.createContext("/private/stream", JdkServer::stream);
    server.start();

    System.out.println(server.getAddress().getPort());
    while (System.in.read() >= 0) {
      // Until the input ends.
    }
    server.stop(1);
    threads.shutdown();
    System.out.println("stopped");
  }

  private static void echo(HttpExchange exchange) throws IOException {
    byte[] body;
    try (InputStream in = exchange.getRequestBody()) {
      body = in.readAllBytes();
    }
    exchange.getResponseHeaders().set("Content-Type", "text/plain");
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", "17");
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    if (exchange.getRequestMethod().equals("DELETE")) {
      exchange.sendResponseHeaders(204, -1);
      exchange.close();
      return;
    }
    String text =
        String.join(
            " ",
            exchange.getHttpContext().getAttributes().get("greeting").toString(),
            exchange.getAttribute("number").toString(),
            exchange.getProtocol(),
            exchange.getRequestMethod(),
            exchange.getRequestURI().getRawPath(),
            String.valueOf(exchange.getRequestURI().getQuery()),
            exchange.getRequestHeaders().getFirst("X-Test"),
            new String(body, StandardCharsets.UTF_8));
    send(exchange, text);
  }

  private static void greet(HttpExchange exchange) throws IOException {
    send(exchange, exchange.getPrincipal().getUsername() + " of " + exchange.getPrincipal());
  }

  private static void stream(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = exchange.getResponseBody()) {
      for (int i = 0; i < 3; i++) {
        out.write(("line " + i + "\n").getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  private static void send(HttpExchange exchange, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }

  /** Numbers requests, for the handler and for the client. */
  private static final class Numbering extends Filter {
    private int count;

    @Override
    public synchronized void doFilter(HttpExchange exchange, Chain chain) throws IOException {
      count++;
      exchange.setAttribute("number", count);
      exchange.getResponseHeaders().set("X-Number", String.valueOf(count));
      chain.doFilter(exchange);
    }

    @Override
    public String description() {
      return "numbers requests";
    }
  }
}
