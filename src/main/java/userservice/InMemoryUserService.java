// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import kit.Context;

/** Knows one user, jerry, and takes everybody else for a guest. */
public final class InMemoryUserService implements UserService {
  private static final int JERRY = 101;

  private final String suffix;

  /**
   * Appends {@code suffix} to each name.
   *
   * @param suffix tells the instances apart, as the port does in the tutorials
   */
  public InMemoryUserService(String suffix) {
    this.suffix = requireNonNull(suffix, "suffix");
  }

  @Override
  public String getName(Context context, int uid) {
    return (uid == JERRY ? "jerry" : "guest") + suffix;
  }

  @Override
  public void deleteUser(Context context, int uid) {
    if (uid == JERRY) {
      throw new PermissionDeniedException();
    }
  }
}
