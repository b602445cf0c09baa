// SPDX-License-Identifier: Apache-2.0
/**
 * What a program does, in numbers for Prometheus: {@link kit.metrics.Metrics}.
 */
package kit.metrics;
