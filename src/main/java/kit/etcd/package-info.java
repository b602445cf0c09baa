// SPDX-License-Identifier: Apache-2.0
/**
 * etcd as a registry: {@link kit.etcd.EtcdInstances} watches, {@link kit.etcd.EtcdRegistration}
 * registers and keeps registered.
 *
 * <p>Part: {@link kit.etcd.EtcdClient}, one method for each request.
 *
 * <p>In the map: what {@link kit.discovery} asks for, as {@link kit.consul} does it with Consul.
 */
package kit.etcd;
