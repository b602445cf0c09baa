// SPDX-License-Identifier: Apache-2.0
/**
 * The layers of a client, stacked in the right order: {@link kit.chain.ClientChain}.
 */
package kit.chain;
