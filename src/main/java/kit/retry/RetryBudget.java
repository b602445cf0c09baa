// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Retry budget: limits retries to a fraction of successful calls, to prevent retry storms.
 *
 * <p>A limit on the attempts of each call does not prevent a retry storm. When a service is down,
 * three attempts per call triple its load while it tries to recover; with three layers of services,
 * the factor is 27. A budget limits the retries of all calls to a service together.
 *
 * <pre>{@code
 * RetryBudget budget = new RetryBudget(); // one per called service
 * try {
 *   Response response = call();
 *   budget.succeeded();
 *   return response;
 * } catch (IOException e) {
 *   if (!budget.failed()) {
 *     throw e; // Too many failures: no retry.
 *   }
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The budget starts with {@code maxTokens} tokens. Each failed attempt takes one, each success
 * adds a fraction, 0.1 by default. Above half of {@code maxTokens}, failed attempts may be retried;
 * at half or below they may not.
 *
 * <pre>
 *   tokens
 *       10 +--.           .----------   full: further successes add nothing
 *          |   \         /
 *          |    \       /  up by 0.1 with each success
 *        5 +-----\-----/-------------   here and below: no retries
 *          |      \   /
 *        0 +-------'-'--------------->  calls
 *           down by 1 with each failure
 * </pre>
 *
 * <p>Failures are thus retried at a rate of at most one for ten successes in the long run: retries
 * add at most a tenth to the load. When all calls fail, the first four failures are retried and no
 * others. After the service has recovered, at most 51 successes allow retries again.
 *
 * <p>Record only failures that reflect the health of the service: neither a request that was not
 * sent, nor a response such as 404. These are not successes either.
 *
 * <h2>Units</h2>
 *
 * <ul>
 *   <li><b>maxTokens</b>: whole tokens, 1 to 1,000. Half as many consecutive failures stop retries.
 *   <li><b>tokensPerSuccess</b>: 0.001 to {@code maxTokens}; more than three decimals are rounded,
 *       because tokens are kept in thousandths, so that ten times 0.1 is one.
 * </ul>
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe and lock-free. A success with a full budget is one read, so that threads that call
 * a healthy service do not contend. Nothing is allocated.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * @see <a href="https://github.com/grpc/proposal/blob/master/A6-client-retries.md">gRFC A6,
 *     "Throttling Retry Attempts"</a>
 */
public final class RetryBudget {
  // As in gRFC A6: no retries while failures are more than about a tenth of successes.
  private static final int DEFAULT_TOKENS = 10;
  private static final double DEFAULT_TOKENS_PER_SUCCESS = 0.1;
  private static final int THOUSAND = 1_000; // thousandths of a token in a token

  private final int maxThousandths;
  private final int thousandthsPerSuccess;
  private final AtomicInteger thousandths;

  /** Creates a budget of 10 tokens that adds 0.1 per success. */
  public RetryBudget() {
    this(DEFAULT_TOKENS, DEFAULT_TOKENS_PER_SUCCESS);
  }

  /** Creates a full budget.
   *
   * @param maxTokens 1 to 1,000
   * @param tokensPerSuccess 0.001 to {@code maxTokens}
   * @throws IllegalArgumentException if an argument is out of range
   */
  public RetryBudget(int maxTokens, double tokensPerSuccess) {
    if (maxTokens < 1 || maxTokens > 1_000) {
      throw new IllegalArgumentException("maxTokens not in 1..1000: " + maxTokens);
    }
    if (!(tokensPerSuccess >= 0.001 && tokensPerSuccess <= maxTokens)) { // Rejects NaN, too.
      throw new IllegalArgumentException(
          "tokensPerSuccess not in 0.001.." + maxTokens + ": " + tokensPerSuccess);
    }
    maxThousandths = maxTokens * THOUSAND;
    thousandthsPerSuccess = (int) Math.round(tokensPerSuccess * THOUSAND);
    thousandths = new AtomicInteger(maxThousandths);
  }

  /** Records a successful attempt. */
  public void succeeded() {
    int before;
    do {
      before = thousandths.get();
      if (before == maxThousandths) {
        return;
      }
    } while (!thousandths.compareAndSet(
        before, Math.min(before + thousandthsPerSuccess, maxThousandths)));
  }

  /** Records a failed attempt and returns whether it may be retried. */
  public boolean failed() {
    int before;
    int after;
    do {
      before = thousandths.get();
      after = Math.max(before - THOUSAND, 0);
    } while (!thousandths.compareAndSet(before, after));
    return allowsRetry(after);
  }

  /** Returns whether a failure would be retried now. */
  public boolean allowsRetry() {
    return allowsRetry(thousandths.get());
  }

  private boolean allowsRetry(int thousandths) {
    return thousandths > maxThousandths / 2;
  }

  /** Returns the number of tokens, from 0 to {@code maxTokens}; for metrics. */
  public double tokens() {
    return thousandths.get() / (double) THOUSAND;
  }

  /** Returns the state, such as {@code RetryBudget[9.1 of 10 tokens]}. */
  @Override
  public String toString() {
    return "RetryBudget[" + tokens() + " of " + maxThousandths / THOUSAND + " tokens]";
  }
}
