// SPDX-License-Identifier: Apache-2.0
package userservice;

import kit.Context;

/**
 * Knows users by number: the business, and nothing of HTTP, registries or limits.
 *
 * <p>The context is the first parameter, so that an implementation that asks another service can pass
 * on the deadline.
 */
public interface UserService {
  /** Returns the name of a user; who is not known is a guest. */
  String getName(Context context, int uid) throws Exception;

  /**
   * Deletes a user.
   *
   * @throws PermissionDeniedException if this user must not be deleted
   */
  void deleteUser(Context context, int uid) throws Exception;
}
