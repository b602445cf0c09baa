// SPDX-License-Identifier: Apache-2.0
/**
 * Structured logging in logfmt or JSON: {@link kit.log.KeyValueLog}.
 *
 * <p>{@link kit.log.Logging} logs each call of an endpoint; {@link kit.log.KeyValueProvider} writes
 * records of slf4j in the same format.
 *
 * <p>Part: {@link kit.log.KeyValueLog}.
 *
 * <p>Dependencies: {@link kit.http}, for request ids. {@code kit.cli} has the flags.
 */
package kit.log;
