// SPDX-License-Identifier: Apache-2.0
package userservice;

/**
 * Asks for something about one user.
 *
 * @param uid the number of the user, 0 or more
 */
public record UserRequest(int uid) {}
