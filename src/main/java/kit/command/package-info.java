// SPDX-License-Identifier: Apache-2.0
/**
 * Commands as in Hystrix: {@link kit.command.Command} combines a circuit breaker, a concurrency
 * limit, a timeout and a fallback.
 *
 * <p>Dependencies: {@link kit.breaker}. Commands run work of any kind; for calls to a service with
 * several instances, {@link kit.client} is the better choice.
 */
package kit.command;
