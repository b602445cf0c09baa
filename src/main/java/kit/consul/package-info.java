// SPDX-License-Identifier: Apache-2.0
/**
 * Consul as a registry: {@link kit.consul.ConsulInstances} watches the instances of a service,
 * {@link kit.consul.ConsulServices} the names of all services; {@link
 * kit.consul.ConsulRegistration} registers an instance with a {@link kit.consul.ConsulCheck}.
 * {@link kit.consul.ConsulCatalog} queries once.
 *
 * <p>{@link kit.consul.agent.DevAgent} replaces Consul on machines without it, for development.
 *
 * <p>Part: {@link kit.consul.ConsulClient}, one method for each request.
 *
 * <p>Dependencies: {@link kit.discovery}, which it implements.
 */
package kit.consul;
