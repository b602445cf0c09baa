// SPDX-License-Identifier: Apache-2.0
/**
 * Complete client stack of a service: {@link kit.client.ServiceClient}.
 *
 * <p>Dependencies: {@link kit.retry}, {@link kit.balancer}, {@link kit.breaker}, {@link kit.http}
 * and {@link kit.metrics}, which it combines in the right order.
 */
package kit.client;
