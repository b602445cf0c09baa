// SPDX-License-Identifier: Apache-2.0
/**
 * Nacos as a registry: {@link kit.nacos.NacosInstances} watches the instances of a service, {@link
 * kit.nacos.NacosRegistration} registers an instance.
 *
 * <p>Part: {@link kit.nacos.NacosClient}, one method for each request.
 *
 * <p>Dependencies: {@link kit.discovery}, which it implements.
 */
package kit.nacos;
