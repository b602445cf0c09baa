// SPDX-License-Identifier: Apache-2.0
/**
 * Calls that degrade instead of hanging, in the shape that Hystrix made known:
 * {@link kit.command.Command} is breaker, limit, timeout and fallback in one.
 *
 * <p>In the map: on {@link kit.breaker}. For work of any kind; for calls to a service of many
 * instances, {@link kit.client} is the better choice.
 */
package kit.command;
