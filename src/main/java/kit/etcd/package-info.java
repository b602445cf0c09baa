// SPDX-License-Identifier: Apache-2.0
/**
 * etcd as a registry: {@link kit.etcd.EtcdInstances} watches the instances of a service, {@link
 * kit.etcd.EtcdRegistration} registers an instance.
 *
 * <p>Part: {@link kit.etcd.EtcdClient}, one method for each request.
 *
 * <p>Dependencies: {@link kit.discovery}, which it implements.
 */
package kit.etcd;
