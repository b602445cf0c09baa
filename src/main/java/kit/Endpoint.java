// SPDX-License-Identifier: Apache-2.0
package kit;

/**
 * One operation as a function from request to response: the unit that everything in this toolkit
 * wraps, serves or calls.
 *
 * <p>A method of a service is an endpoint, and so is the same method on the client side. An HTTP
 * handler is an endpoint from {@code kit.http.Request} to {@code kit.http.Response}. Behaviour that
 * applies to all of them (rate limits, retries, logs, metrics) is written once, as {@link
 * Middleware}.
 *
 * <pre>{@code
 * Endpoint<GetUser, UserResponse> getName =
 *     (context, request) -> new UserResponse(service.getName(context, request.uid()));
 * }</pre>
 *
 * <h2>Errors</h2>
 *
 * <p>An endpoint that fails throws, and the type names the side at fault: {@link StatusException}
 * means "respond with this status", {@link PeerException} means "a peer failed". Any other
 * exception is a fault of this program. A business failure is an exception too, never a successful
 * response with an error text in it: middleware could not tell them apart.
 *
 * <h2>Threads</h2>
 *
 * <p>An endpoint is called by many threads at once. A call is cancelled by interrupting its thread;
 * an endpoint that moves work to another thread forwards the interruption.
 *
 * <p>Equivalent in Go kit: {@code endpoint.Endpoint}.
 *
 * @param <Q> the request (question)
 * @param <R> the response
 */
@FunctionalInterface
public interface Endpoint<Q, R> {
  /**
   * Handles {@code request} within the deadline of {@code context} and returns the response.
   *
   * @throws InterruptedException if the thread was interrupted, that is, the call was cancelled
   */
  R call(Context context, Q request) throws Exception;
}
