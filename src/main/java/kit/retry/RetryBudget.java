// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Limits retries to a share of the calls that succeed, so that they do not add to an outage.
 *
 * <p>A limit on the attempts of each call does not prevent a retry storm. When a service is down,
 * three attempts a call are three times the load, just when it tries to come up; and three layers
 * of services that do so are 27 times. A budget looks at all calls to the service together.
 *
 * <pre>{@code
 * RetryBudget budget = new RetryBudget(); // one for each service that is called
 * try {
 *   Answer answer = call();
 *   budget.succeeded();
 *   return answer;
 * } catch (IOException e) {
 *   if (!budget.failed()) {
 *     throw e; // Too many fail: do not repeat this one.
 *   }
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>There are at first {@code maxTokens} tokens. Each failed attempt takes one, each success
 * brings back a fraction, 0.1 by default. Above half of {@code maxTokens}, failed attempts may be
 * repeated; at half or below they may not.
 *
 * <pre>
 *   tokens
 *       10 +--.           .----------   full: more successes change nothing
 *          |   \         /
 *          |    \       /  up by 0.1 with each success
 *        5 +-----\-----/-------------   here and below: no repetition
 *          |      \   /
 *        0 +-------'-'--------------->  calls
 *           down by 1 with each failure
 * </pre>
 *
 * <p>So a few failures among many successes are repeated for ever, at most one for ten successes in
 * the long run: repeating adds a tenth to the load, never more. When everything fails, the first
 * four failures are repeated and no others. Once the service answers again, 51 successes at most
 * allow repetitions again.
 *
 * <p>Count only failures that speak of the service's health: neither a request that never left, nor
 * an answer such as 404. Those are not successes either.
 *
 * <h2>Units</h2>
 *
 * <ul>
 *   <li><b>maxTokens</b>: whole tokens, 1 to 1,000. Half as many failures in a row end repetitions.
 *   <li><b>tokensPerSuccess</b>: 0.001 to {@code maxTokens}; more than three decimals are rounded,
 *       because tokens are kept in thousandths, so that ten times 0.1 is one.
 * </ul>
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads, without a lock. A success with a full budget is one read, so
 * that threads which call a healthy service do not disturb each other. Nothing is allocated.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * @see <a href="https://github.com/grpc/proposal/blob/master/A6-client-retries.md">gRFC A6,
 *     "Throttling Retry Attempts"</a>
 */
public final class RetryBudget {
  // As in gRFC A6: no repetitions while failures are more than about a tenth of successes.
  private static final int DEFAULT_TOKENS = 10;
  private static final double DEFAULT_TOKENS_PER_SUCCESS = 0.1;
  private static final int THOUSAND = 1_000; // thousandths of a token in a token

  private final int maxThousandths;
  private final int thousandthsPerSuccess;
  private final AtomicInteger thousandths;

  /** Starts with 10 tokens, and adds 0.1 for each success. */
  public RetryBudget() {
    this(DEFAULT_TOKENS, DEFAULT_TOKENS_PER_SUCCESS);
  }

  /**
   * Starts with all tokens.
   *
   * @param maxTokens 1 to 1,000
   * @param tokensPerSuccess 0.001 to {@code maxTokens}
   * @throws IllegalArgumentException if they are not
   */
  public RetryBudget(int maxTokens, double tokensPerSuccess) {
    if (maxTokens < 1 || maxTokens > 1_000) {
      throw new IllegalArgumentException("maxTokens not in 1..1000: " + maxTokens);
    }
    if (!(tokensPerSuccess >= 0.001 && tokensPerSuccess <= maxTokens)) { // NaN is neither
      throw new IllegalArgumentException(
          "tokensPerSuccess not in 0.001.." + maxTokens + ": " + tokensPerSuccess);
    }
    maxThousandths = maxTokens * THOUSAND;
    thousandthsPerSuccess = (int) Math.round(tokensPerSuccess * THOUSAND);
    thousandths = new AtomicInteger(maxThousandths);
  }

  /** Records an attempt that succeeded. */
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

  /** Records an attempt that failed, and returns whether it may be repeated. */
  public boolean failed() {
    int before;
    int after;
    do {
      before = thousandths.get();
      after = Math.max(before - THOUSAND, 0);
    } while (!thousandths.compareAndSet(before, after));
    return allowsRetry(after);
  }

  /** Returns whether failures may be repeated as things stand. */
  public boolean allowsRetry() {
    return allowsRetry(thousandths.get());
  }

  private boolean allowsRetry(int thousandths) {
    return thousandths > maxThousandths / 2;
  }

  /** Returns how many tokens there are, from 0 to {@code maxTokens}; for metrics. */
  public double tokens() {
    return thousandths.get() / (double) THOUSAND;
  }

  /** Returns the state, such as {@code RetryBudget[9.1 of 10 tokens]}. */
  @Override
  public String toString() {
    return "RetryBudget[" + tokens() + " of " + maxThousandths / THOUSAND + " tokens]";
  }
}
