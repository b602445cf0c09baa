// SPDX-License-Identifier: Apache-2.0
/**
 * Events as keys and values, in lines of logfmt or JSON: {@link kit.log.KeyValueLog}.
 */
package kit.log;
