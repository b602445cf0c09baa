// SPDX-License-Identifier: Apache-2.0
/**
 * Commands that read a registry or are one: {@code instances}, {@code services}, {@code watch},
 * {@code targets}, {@code dev-agent}.
 *
 * <p>Dependencies: {@code client.options} and all of {@code kit}.
 */
package client.registry;
