// SPDX-License-Identifier: Apache-2.0
/**
 * Commands for credentials: {@code token} and {@code hash-password}.
 *
 * <p>Dependencies: {@code client.options} and all of {@code kit}.
 */
package client.auth;
