// SPDX-License-Identifier: Apache-2.0
/**
 * A Consul-compatible agent in the same process, for development: {@link kit.consul.agent.DevAgent}.
 *
 * <p>It serves the part of Consul's HTTP API that {@link kit.consul} calls. The package-private classes
 * hold its state ({@code AgentState}), run its health checks, and read and write Consul's JSON.
 *
 * <p>In the map: on {@link kit.http}, with which it serves; nothing of the toolkit imports it.
 */
package kit.consul.agent;
