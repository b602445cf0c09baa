// SPDX-License-Identifier: Apache-2.0
/**
 * ZooKeeper as a registry.
 *
 * <p>Part: {@link kit.zookeeper.ZooKeeperClient}, one session.
 *
 * <p>Dependencies: {@link kit.discovery}, which it implements.
 */
package kit.zookeeper;
