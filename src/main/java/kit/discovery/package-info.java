// SPDX-License-Identifier: Apache-2.0
/**
 * Service discovery and registration: {@link kit.discovery.Instances} watches the instances of a
 * service, {@link kit.discovery.Services} the services of a registry,
 * {@link kit.discovery.Registration} registers an instance.
 *
 * <p>To support another registry, use {@link kit.discovery.Watch} and
 * {@link kit.discovery.RegistrationLoop}, which hold the common parts.
 *
 * <p>Dependencies: {@link kit} alone. {@link kit.consul}, {@link kit.etcd}, {@link kit.nacos}, {@link
 * kit.zookeeper} and {@link kit.dns} implement it, {@link kit.balancer} uses it.
 */
package kit.discovery;
