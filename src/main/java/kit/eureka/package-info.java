// SPDX-License-Identifier: Apache-2.0
/**
 * Eureka as a registry: {@link kit.eureka.EurekaInstances} watches the instances of a service, {@link
 * kit.eureka.EurekaRegistration} registers an instance.
 *
 * <p>Part: {@link kit.eureka.EurekaClient}, one method for each request.
 *
 * <p>Dependencies: {@link kit.discovery}, which it implements.
 */
package kit.eureka;
