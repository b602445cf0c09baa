// SPDX-License-Identifier: Apache-2.0
/**
 * ZooKeeper as a registry.
 *
 * <p>Part: {@link kit.zookeeper.ZooKeeperClient}, one session.
 *
 * <p>Dependencies: none.
 */
package kit.zookeeper;
