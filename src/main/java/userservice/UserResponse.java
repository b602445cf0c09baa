// SPDX-License-Identifier: Apache-2.0
package userservice;

/**
 * Answers in one line.
 *
 * @param result a name, or what was done
 */
public record UserResponse(String result) {}
