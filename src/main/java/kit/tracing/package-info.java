// SPDX-License-Identifier: Apache-2.0
/**
 * Follows a request from service to service: {@link kit.tracing.Tracing} makes the {@linkplain
 * kit.tracing.Span spans}, {@link kit.tracing.ZipkinReporter} sends them where they can be looked at.
 *
 * <p>Part: {@link kit.tracing.TraceContext}.
 *
 * <p>In the map: on {@link kit.http}, on both sides of the wire; outermost on the server, inside the
 * balancer on the client.
 */
package kit.tracing;
