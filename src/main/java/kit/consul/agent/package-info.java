// SPDX-License-Identifier: Apache-2.0
/**
 * Embedded, Consul-compatible agent for development: {@link kit.consul.agent.DevAgent}.
 *
 * <p>It serves the part of Consul's HTTP API that {@link kit.consul} calls. The package-private
 * classes hold its state ({@code AgentState}), run its health checks, and read and write Consul's
 * JSON.
 *
 * <p>Dependencies: {@link kit.http} and {@link kit.http.server}; no other package of kit imports
 * it.
 */
package kit.consul.agent;
