// SPDX-License-Identifier: Apache-2.0
/**
 * Leaves alone what keeps failing: {@link kit.breaker.CircuitBreaking} around an endpoint.
 *
 * <p>Part: {@link kit.breaker.CircuitBreaker}.
 *
 * <p>In the map: on {@link kit}; one for each instance, so inside {@link kit.balancer}, and around
 * the timeout, which it has to see.
 */
package kit.breaker;
