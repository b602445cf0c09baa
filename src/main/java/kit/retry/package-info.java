// SPDX-License-Identifier: Apache-2.0
/**
 * Second chances for calls that failed: {@link kit.retry.Retrying}.
 *
 * <p>Parts: {@link kit.retry.Backoff}, {@link kit.retry.RetryBudget}.
 *
 * <p>In the map: on {@link kit}; around {@link kit.balancer}, so that each attempt can go to another
 * instance.
 */
package kit.retry;
