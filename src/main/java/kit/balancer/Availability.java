// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

/**
 * Reports whether an endpoint accepts calls at present: not while its circuit breaker is open.
 *
 * <p>{@link BalancedEndpoint} chooses among the available endpoints, as long as there are any. It
 * does not depend on circuit breakers otherwise.
 */
@FunctionalInterface
public interface Availability {
  /**
   * Returns whether a call would be sent now and not refused; invoked for each call, so it must be
   * quick.
   */
  boolean isAvailable();

  /**
   * Returns why no call would be sent now, such as {@code breaker open for 3.1 s}; invoked only while
   * unavailable, for a log line at DEBUG.
   */
  default String reason() {
    return "unavailable";
  }
}
