// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;

/**
 * Routes each request to its handler by path and method, and responds with 404 or 405 without one.
 *
 * <pre>{@code
 * new RoutingHandler(
 *     new Router<Endpoint<Request, Response>>()
 *         .route("GET", "/user/{uid:\\d+}", getName)
 *         .route("DELETE", "/user/{uid:\\d+}", deleteUser));
 * }</pre>
 *
 * <ul>
 *   <li>No route has this path: 404.
 *   <li>Routes have this path, but not for this method: 405, with {@code Allow}.
 *   <li>{@code OPTIONS} without a route of its own: 204, with {@code Allow}.
 *   <li>{@code HEAD} is routed to the {@code GET} handler; {@code HttpService} omits the body.
 *   <li>{@code TRACE} and {@code CONNECT} are rejected with 405, even where a route accepts any
 *       method: the one would return headers that a proxy added, the other is for proxies.
 * </ul>
 *
 * <p>The handler's {@link Request} has the template and the variables of the route. Middleware that
 * applies to 404s, too, goes around this handler, other middleware around the handler of a route.
 *
 * <p>Thread-safe if the handlers are; the first request ends registration with the router.
 */
public final class RoutingHandler implements Endpoint<Request, Response> {
  private static final Set<String> NEVER_SERVED = Set.of("TRACE", "CONNECT");
  private static final List<String> SERVED =
      List.of("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT");

  private final Router<Endpoint<Request, Response>> router;

  /**
   * Creates a handler for the routes of {@code router}.
   *
   * @throws IllegalArgumentException if a route has a method that is never served, such as {@code
   *     BREW} or {@code get}
   */
  public RoutingHandler(Router<Endpoint<Request, Response>> router) {
    this.router = requireNonNull(router, "router");
    for (String route : router.routes()) {
      String method = route.substring(0, route.indexOf(' '));
      if (!SERVED.contains(method) && !method.equals("*")) {
        throw new IllegalArgumentException(
            "route that is never reached: " + route + ": methods are " + SERVED);
      }
    }
  }

  /** Returns all routes, as {@link Router#routes} does. */
  public List<String> routes() {
    return router.routes();
  }

  @Override
  public Response call(Context context, Request request) throws Exception {
    Router.Match<Endpoint<Request, Response>> match =
        router.match(request.method(), request.target().segments());
    if (match instanceof Router.Found<Endpoint<Request, Response>> found) {
      if (NEVER_SERVED.contains(request.method())) {
        return notAllowed(request.method(), SERVED);
      }
      return found.handler().call(context, request.matched(found.template(), found.variables()));
    }
    if (match instanceof Router.MethodNotAllowed<Endpoint<Request, Response>> other) {
      return notAllowed(request.method(), withOptions(other.allow()));
    }
    throw new StatusException(404, "no such path");
  }

  /**
   * Returns the response to OPTIONS of a server without routes, for a proxy.
   *
   * @throws StatusException 405 for any other method
   */
  public static Response ownResponse(String method) {
    return notAllowed(method, SERVED);
  }

  /** Adds OPTIONS, which this handler serves itself. */
  private static Collection<String> withOptions(List<String> allow) {
    Set<String> all = new TreeSet<>(allow);
    all.add("OPTIONS");
    return all;
  }

  private static Response notAllowed(String method, Collection<String> allow) {
    String methods = String.join(", ", allow);
    if (method.equals("OPTIONS")) {
      return Response.empty(204).with("Allow", methods);
    }
    throw new StatusException(405, "method not allowed; allowed: " + methods)
        .with("Allow", methods);
  }
}
