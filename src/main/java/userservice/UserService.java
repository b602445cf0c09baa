// SPDX-License-Identifier: Apache-2.0
package userservice;

import kit.Context;

/**
 * Users by number: the business logic, without HTTP, registries or limits.
 *
 * <p>The context is the first parameter, so that an implementation that calls another service can pass on
 * the deadline.
 */
public interface UserService {
  /** Returns the name of a user; an unknown user is a guest. */
  String getName(Context context, int uid) throws Exception;

  /**
   * Deletes a user.
   *
   * @throws PermissionDeniedException if this user must not be deleted
   */
  void deleteUser(Context context, int uid) throws Exception;
}
