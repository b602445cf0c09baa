// SPDX-License-Identifier: Apache-2.0
package userservice;

/**
 * Request about one user.
 *
 * @param uid the number of the user, 0 or more
 */
public record UserRequest(int uid) {
  /** Checks that {@code uid} is 0 or more. */
  public UserRequest {
    if (uid < 0) {
      throw new IllegalArgumentException("uid < 0: " + uid);
    }
  }
}
