// SPDX-License-Identifier: Apache-2.0
package kit;

/**
 * Answers one kind of request: the unit that everything in this toolkit wraps, serves or calls.
 *
 * <p>A method of a service is an endpoint, and so is the same method seen from a client. An HTTP
 * handler is an endpoint from {@code kit.http.Request} to {@code kit.http.Response}. What can be
 * said about all of them (limit, retry, log, measure) is therefore said once, as {@link Middleware}.
 *
 * <pre>{@code
 * Endpoint<GetUser, UserResponse> getName =
 *     (context, request) -> new UserResponse(service.getName(context, request.uid()));
 * }</pre>
 *
 * <h2>Errors</h2>
 *
 * <p>An endpoint that cannot answer throws, and the type says who failed: {@link StatusException}
 * means "answer this status", {@link PeerException} means "somebody I asked failed". Anything else
 * is a fault of this program. A business failure is an exception too, never a successful answer
 * with an error text in it: middleware could not tell them apart.
 *
 * <h2>Threads</h2>
 *
 * <p>Called by many threads at once. A call is cancelled by interrupting its thread; an endpoint
 * that moves work to another thread passes the interruption on.
 *
 * <p>Go kit's word: {@code endpoint.Endpoint}.
 *
 * @param <Q> the request (question)
 * @param <R> the response
 */
@FunctionalInterface
public interface Endpoint<Q, R> {
  /**
   * Answers {@code request} within the deadline of {@code context}.
   *
   * @throws InterruptedException if the thread was interrupted, that is, the call was cancelled
   */
  R call(Context context, Q request) throws Exception;
}
