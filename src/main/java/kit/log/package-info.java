// SPDX-License-Identifier: Apache-2.0
/**
 * Events as keys and values, in lines of logfmt or JSON: {@link kit.log.KeyValueLog}.
 *
 * <p>{@link kit.log.Logging} puts a line around each call of an endpoint;
 * {@link kit.log.KeyValueProvider} sends the log of everything else, which goes through slf4j, the
 * same way.
 *
 * <p>Part: {@link kit.log.KeyValueLog}.
 *
 * <p>In the map: on {@link kit.http}, whose request ids it shows. {@code kit.cli} has the flags.
 */
package kit.log;
