// SPDX-License-Identifier: Apache-2.0
/**
 * The common flags of commands, and the client of the user service that they configure.
 *
 * <p>{@link client.options.Options} declares the flags for calls; {@code TokenFlags} and {@code
 * CallTraces} are two groups of them. {@code UserCall} is one call, {@code UserClient} this
 * program's own view of the service's operations, {@code Failure} the line that a failed call
 * prints.
 *
 * <p>Dependencies: all of {@code kit}. The packages of the commands depend on it.
 */
package client.options;
