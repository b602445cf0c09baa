// SPDX-License-Identifier: Apache-2.0
/**
 * Client-side load balancing: {@link kit.balancer.BalancedEndpoint} and its pickers.
 *
 * <p>Parts: {@link kit.balancer.RoundRobinPicker}, {@link kit.balancer.WeightedRoundRobinPicker},
 * {@link kit.balancer.RandomPicker}, {@link kit.balancer.LeastLoadedPicker}.
 *
 * <p>Dependencies: {@link kit.discovery}, for the instances. It is independent of HTTP: a function
 * creates the endpoints of the instances.
 */
package kit.balancer;
