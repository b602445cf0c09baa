// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** The handler, filters and authenticator of a path. Thread-safe. */
final class EngineContext extends HttpContext {
  private final HttpServer server;
  private final String path;
  private final Map<String, Object> attributes = new ConcurrentHashMap<>();
  private final List<Filter> filters = new CopyOnWriteArrayList<>();
  private volatile HttpHandler handler;
  private volatile Authenticator authenticator;

  EngineContext(HttpServer server, String path, HttpHandler handler) {
    this.server = server;
    this.path = path;
    this.handler = handler;
  }

  /** Authenticates a request, and runs the filters and the handler; {@code shown} is for these. */
  void handle(EngineExchange exchange, HttpExchange shown) throws IOException {
    Authenticator checking = authenticator;
    if (checking != null && !isAuthenticated(checking.authenticate(shown), exchange)) {
      return;
    }
    new Filter.Chain(filters, getHandler()).doFilter(shown);
  }

  private static boolean isAuthenticated(Authenticator.Result result, EngineExchange exchange)
      throws IOException {
    if (result instanceof Authenticator.Retry retry) {
      exchange.sendResponseHeaders(retry.getResponseCode(), -1);
      return false;
    }
    if (result instanceof Authenticator.Failure failure) {
      exchange.sendResponseHeaders(failure.getResponseCode(), -1);
      return false;
    }
    exchange.authenticated(((Authenticator.Success) result).getPrincipal());
    return true;
  }

  @Override
  public HttpHandler getHandler() {
    HttpHandler current = handler;
    return current == null ? EngineContext::withoutHandler : current;
  }

  private static void withoutHandler(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(500, -1);
  }

  @Override
  public void setHandler(HttpHandler handler) {
    if (handler == null) {
      throw new NullPointerException("handler");
    }
    if (this.handler != null) {
      throw new IllegalArgumentException("the context has a handler");
    }
    this.handler = handler;
  }

  @Override
  public String getPath() {
    return path;
  }

  @Override
  public HttpServer getServer() {
    return server;
  }

  @Override
  public Map<String, Object> getAttributes() {
    return attributes;
  }

  @Override
  public List<Filter> getFilters() {
    return filters;
  }

  @Override
  public Authenticator setAuthenticator(Authenticator authenticator) {
    Authenticator last = this.authenticator;
    this.authenticator = authenticator;
    return last;
  }

  @Override
  public Authenticator getAuthenticator() {
    return authenticator;
  }
}
