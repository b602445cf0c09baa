// SPDX-License-Identifier: Apache-2.0
/**
 * Retries with backoff and a retry budget: {@link kit.retry.Retrying}.
 *
 * <p>Parts: {@link kit.retry.Backoff}, {@link kit.retry.RetryBudget}.
 *
 * <p>Dependencies: {@link kit} alone. The middleware stands around {@link kit.balancer}, so that
 * each attempt can go to another instance.
 */
package kit.retry;
