// SPDX-License-Identifier: Apache-2.0
/**
 * Second chances for calls that failed: {@link kit.retry.Retrying}.
 *
 * <p>Parts: {@link kit.retry.Backoff}, {@link kit.retry.RetryBudget}.
 */
package kit.retry;
