// SPDX-License-Identifier: Apache-2.0
/**
 * Leaves alone what keeps failing: {@link kit.breaker.CircuitBreaking} around an endpoint.
 *
 * <p>Part: {@link kit.breaker.CircuitBreaker}.
 */
package kit.breaker;
