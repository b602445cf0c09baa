// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * Adds one behaviour around any endpoint, without the endpoint knowing.
 *
 * <pre>{@code
 * Middleware<Q, R> timed = next -> (context, request) -> {
 *   long startedAtNanos = System.nanoTime();
 *   try {
 *     return next.call(context, request);
 *   } finally {
 *     log.info("took {} ns", System.nanoTime() - startedAtNanos);
 *   }
 * };
 * }</pre>
 *
 * <p>{@link #around} runs once, when the program is wired; the endpoint it returns runs for each
 * call. A middleware that gives up by itself, without calling {@code next}, throws as {@link
 * Endpoint} says.
 *
 * <p>Go kit's word: {@code endpoint.Middleware}.
 */
@FunctionalInterface
public interface Middleware<Q, R> {
  /** Returns an endpoint that does what this middleware adds and leaves the rest to {@code next}. */
  Endpoint<Q, R> around(Endpoint<Q, R> next);

  /**
   * Returns a middleware that limits the time of each call: to {@code longest}, or to what is left
   * until the deadline of the context if that is sooner. It is the endpoint that gives up in time, as
   * {@code HttpEndpoint} does.
   *
   * @throws IllegalArgumentException if {@code longest} is not positive
   */
  static <Q, R> Middleware<Q, R> timeout(Duration longest) {
    if (longest.isNegative() || longest.isZero()) {
      throw new IllegalArgumentException("timeout <= 0: " + longest);
    }
    return next -> (context, request) -> next.call(context.withTimeout(longest), request);
  }

  /**
   * Makes one middleware of several: the first one named sees the request first and the response
   * last.
   *
   * <pre>{@code
   * chain(logging, limiting, breaking).around(endpoint)
   * // is logging.around(limiting.around(breaking.around(endpoint)))
   * }</pre>
   */
  @SafeVarargs
  static <Q, R> Middleware<Q, R> chain(Middleware<Q, R> outermost, Middleware<Q, R>... others) {
    requireNonNull(outermost, "outermost");
    Middleware<Q, R> chained = outermost;
    for (Middleware<Q, R> inner : others) {
      requireNonNull(inner, "inner");
      Middleware<Q, R> outer = chained;
      chained = endpoint -> outer.around(inner.around(endpoint));
    }
    return chained;
  }
}
