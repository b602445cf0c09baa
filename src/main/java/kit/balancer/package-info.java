// SPDX-License-Identifier: Apache-2.0
/**
 * Calls to a service of many instances: {@link kit.balancer.BalancedEndpoint} and the pickers it asks.
 *
 * <p>Parts: {@link kit.balancer.RoundRobinPicker}, {@link kit.balancer.RandomPicker}, {@link
 * kit.balancer.LeastLoadedPicker}.
 */
package kit.balancer;
