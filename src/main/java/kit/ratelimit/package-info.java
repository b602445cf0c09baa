// SPDX-License-Identifier: Apache-2.0
/**
 * Rate limiting: {@link kit.ratelimit.TokenBucket} admits requests, {@link
 * kit.ratelimit.RateLimiting} is the middleware.
 *
 * <p>Part: {@link kit.ratelimit.TokenBucket}.
 *
 * <p>Dependencies: {@link kit} alone; the middleware fits handlers, endpoints and client calls.
 */
package kit.ratelimit;
