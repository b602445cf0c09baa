// SPDX-License-Identifier: Apache-2.0
/**
 * Distributed tracing: {@link kit.tracing.Tracing} records {@linkplain kit.tracing.Span spans},
 * {@link kit.tracing.ZipkinReporter} sends them to Zipkin.
 *
 * <p>Part: {@link kit.tracing.TraceContext}.
 *
 * <p>Dependencies: {@link kit.http}. The middleware is outermost on the server, and inside the load
 * balancer on the client.
 */
package kit.tracing;
