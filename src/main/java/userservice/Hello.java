// SPDX-License-Identifier: Apache-2.0
package userservice;

/**
 * Request and response of {@code POST /hello}.
 *
 * @param message in a request, the name to greet; in a response, the greeting
 */
public record Hello(String message) {}
