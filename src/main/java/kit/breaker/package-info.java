// SPDX-License-Identifier: Apache-2.0
/**
 * Circuit breaking: {@link kit.breaker.CircuitBreaking} is the middleware.
 *
 * <p>Part: {@link kit.breaker.CircuitBreaker}.
 *
 * <p>Dependencies: {@link kit} alone. There is one breaker per instance, so it stands inside {@link
 * kit.balancer}, and around the per-attempt timeout, which it counts.
 */
package kit.breaker;
