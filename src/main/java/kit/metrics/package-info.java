// SPDX-License-Identifier: Apache-2.0
/**
 * What a program does, in numbers for Prometheus: {@link kit.metrics.Metrics}, and what puts it to
 * use, {@link kit.metrics.Instrumenting} and {@link kit.metrics.JvmMetrics}.
 *
 * <p>Part: {@link kit.metrics.Metrics}.
 *
 * <p>In the map: on {@link kit.http}; outermost, so that it counts what others refuse.
 */
package kit.metrics;
