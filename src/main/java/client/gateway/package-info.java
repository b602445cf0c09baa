// SPDX-License-Identifier: Apache-2.0
/**
 * The command {@code gateway}: an HTTP gateway, which forwards {@code /{service}/...} to an
 * instance of that service.
 *
 * <p>Dependencies: {@code client.options} and all of {@code kit}.
 */
package client.gateway;
