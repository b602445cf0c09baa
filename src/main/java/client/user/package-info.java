// SPDX-License-Identifier: Apache-2.0
/**
 * Commands that call the user service: {@code loop}, {@code get}, {@code delete}.
 *
 * <p>Dependencies: {@code client.options} and all of {@code kit}.
 */
package client.user;
