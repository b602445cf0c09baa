// SPDX-License-Identifier: Apache-2.0
/**
 * What a registry of services is to the rest of the toolkit: {@link kit.discovery.Instances} to
 * find others, {@link kit.discovery.Services} to see which there are,
 * {@link kit.discovery.Registration} to be found.
 *
 * <p>For those who connect another registry: {@link kit.discovery.Watch} and
 * {@link kit.discovery.RegistrationLoop} do what is the same for all.
 *
 * <p>In the map: on {@link kit} alone. {@link kit.consul}, {@link kit.etcd} and {@link kit.dns}
 * are behind it, {@link kit.balancer} before it.
 */
package kit.discovery;
