// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

/**
 * An endpoint that may be unavailable for a while, such as one whose circuit breaker is open.
 *
 * <p>{@link BalancedEndpoint} then chooses among the others, as long as there are any. This is all that
 * a balancer knows about circuit breakers.
 */
@FunctionalInterface
public interface Availability {
  /** Returns whether a call is likely to be sent now, not refused; called for each call, so it must be quick. */
  boolean isAvailable();
}
