// SPDX-License-Identifier: Apache-2.0
package userservice;

/**
 * A greeting, on its way in and out.
 *
 * @param message whom to greet, and the greeting
 */
public record Hello(String message) {}
