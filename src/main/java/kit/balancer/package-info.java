// SPDX-License-Identifier: Apache-2.0
/**
 * Calls to a service of many instances: {@link kit.balancer.BalancedEndpoint} and the pickers it
 * asks.
 *
 * <p>Parts: {@link kit.balancer.RoundRobinPicker}, {@link kit.balancer.RandomPicker},
 * {@link kit.balancer.LeastLoadedPicker}.
 *
 * <p>In the map: on {@link kit.discovery}, which says who is there. It knows no HTTP: the
 * endpoints of the instances are made by a function.
 */
package kit.balancer;
