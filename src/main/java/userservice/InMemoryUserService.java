// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import kit.Context;

/** In-memory {@link UserService} with one user, jerry; all others are guests. */
public final class InMemoryUserService implements UserService {
  private static final int JERRY = 101;

  private final String suffix;

  /**
   * Creates a service that appends {@code suffix} to each name.
   *
   * @param suffix distinguishes instances, as the port does in the tutorials
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
