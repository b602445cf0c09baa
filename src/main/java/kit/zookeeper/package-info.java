// SPDX-License-Identifier: Apache-2.0
/**
 * ZooKeeper as a registry: {@link kit.zookeeper.ZooKeeperInstances} watches the instances of a service,
 * {@link kit.zookeeper.ZooKeeperRegistration} registers an instance. Each has a session of its own.
 *
 * <p>Part: {@link kit.zookeeper.ZooKeeperClient}, one session.
 *
 * <p>Dependencies: {@link kit.discovery}, which it implements.
 */
package kit.zookeeper;
