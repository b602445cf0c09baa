// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.util.ArrayList;
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

  /** Returns the filters of a request, the one that authenticates first. */
  List<Filter> allFilters(EngineExchange exchange) {
    Authenticator checking = authenticator;
    if (checking == null) {
      return filters;
    }
    List<Filter> all = new ArrayList<>();
    all.add(new Authenticating(checking, exchange));
    all.addAll(filters);
    return all;
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

  private static final class Authenticating extends Filter {
    private final Authenticator authenticator;
    private final EngineExchange exchange;

    Authenticating(Authenticator authenticator, EngineExchange exchange) {
      this.authenticator = authenticator;
      this.exchange = exchange;
    }

    @Override
    public String description() {
      return "Authentication filter";
    }

    @Override
    public void doFilter(HttpExchange shown, Chain chain) throws IOException {
      Authenticator.Result result = authenticator.authenticate(shown);
      if (result instanceof Authenticator.Success success) {
        exchange.authenticated(success.getPrincipal());
        chain.doFilter(shown);
      } else if (result instanceof Authenticator.Retry retry) {
        shown.sendResponseHeaders(retry.getResponseCode(), -1);
      } else if (result instanceof Authenticator.Failure failure) {
        shown.sendResponseHeaders(failure.getResponseCode(), -1);
      } else {
        throw new IOException("the authenticator returned no result");
      }
    }
  }
}
