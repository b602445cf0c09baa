// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * Decorates an endpoint with one behaviour, such as a rate limit, a retry or a log line.
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
 * call. A middleware that rejects a call without calling {@code next} throws one of the exceptions
 * that {@link Endpoint} names.
 *
 * <p>Equivalent in Go kit: {@code endpoint.Middleware}.
 */
@FunctionalInterface
public interface Middleware<Q, R> {
  /** Returns an endpoint that adds this middleware's behaviour and delegates to {@code next}. */
  Endpoint<Q, R> around(Endpoint<Q, R> next);

  /**
   * Returns a middleware that sets a deadline for each call: {@code longest} from its start, or the
   * deadline of the context if that is sooner. The endpoint inside enforces it, as {@code
   * HttpEndpoint} does.
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
   * Composes several middleware into one: the first sees the request first and the response last.
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
