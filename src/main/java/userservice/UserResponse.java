// SPDX-License-Identifier: Apache-2.0
package userservice;

/**
 * Response of one line.
 *
 * @param result a name, or a description of what was done
 */
public record UserResponse(String result) {}
