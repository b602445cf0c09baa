// SPDX-License-Identifier: Apache-2.0
/**
 * How many requests there may be in a time: {@link kit.ratelimit.TokenBucket} decides, {@link
 * kit.ratelimit.RateLimiting} puts it before an endpoint.
 *
 * <p>Part: {@link kit.ratelimit.TokenBucket}.
 *
 * <p>In the map: on {@link kit}; goes around handlers, endpoints and calls to others alike.
 */
package kit.ratelimit;
