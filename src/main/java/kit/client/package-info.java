// SPDX-License-Identifier: Apache-2.0
/**
 * The layers of a client, stacked in the right order: {@link kit.client.ServiceClient}.
 *
 * <p>In the map: on top of {@link kit.retry}, {@link kit.balancer}, {@link kit.breaker},
 * {@link kit.http} and {@link kit.metrics}; it adds nothing to them but their order.
 */
package kit.client;
