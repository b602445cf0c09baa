// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

/**
 * An endpoint that may ask to be left out for a while, such as one whose circuit breaker is open.
 *
 * <p>{@link BalancedEndpoint} then chooses among the others, as long as there are any. The interface
 * is the whole of what a balancer knows about breakers.
 */
@FunctionalInterface
public interface Avoidable {
  /** Whether a call would most likely be refused now; asked for each call, so it must be quick. */
  boolean isAvoided();
}
