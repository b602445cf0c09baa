// SPDX-License-Identifier: Apache-2.0
/**
 * Metrics in Prometheus' text format: the registry {@link kit.metrics.Metrics}, the middleware
 * {@link kit.metrics.Instrumenting}, and {@link kit.metrics.JvmMetrics}.
 *
 * <p>Part: {@link kit.metrics.Metrics}.
 *
 * <p>Dependencies: {@link kit.http}. The middleware is outermost, so that it counts rejected
 * requests, too.
 */
package kit.metrics;
