// SPDX-License-Identifier: Apache-2.0
/**
 * Calls that degrade instead of hanging, in the shape that Hystrix made known: {@link
 * kit.command.Command} is breaker, limit, timeout and fallback in one; {@link kit.command.Commands}
 * keeps them by name.
 */
package kit.command;
