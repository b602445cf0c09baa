// SPDX-License-Identifier: Apache-2.0
/**
 * Consul as a registry: {@link kit.consul.ConsulInstances} watches, {@link
 * kit.consul.ConsulRegistration} registers and keeps registered.
 *
 * <p>{@link kit.consul.DevAgent} stands in for Consul on machines that have none. The package-private
 * classes are all its own.
 *
 * <p>Part: {@link kit.consul.ConsulClient}, one method for each request.
 */
package kit.consul;
