// SPDX-License-Identifier: Apache-2.0
/**
 * Consul as a registry: {@link kit.consul.ConsulInstances} watches the instances of a service,
 * {@link kit.consul.ConsulServices} which services there are;
 * {@link kit.consul.ConsulRegistration} registers and keeps registered, with a
 * {@link kit.consul.ConsulCheck}. {@link kit.consul.ConsulCatalog} looks up once.
 *
 * <p>{@link kit.consul.agent.DevAgent} stands in for Consul on machines that have none. The
 * package-private classes are all its own.
 *
 * <p>Part: {@link kit.consul.ConsulClient}, one method for each request.
 *
 * <p>In the map: what {@link kit.discovery} asks for.
 */
package kit.consul;
