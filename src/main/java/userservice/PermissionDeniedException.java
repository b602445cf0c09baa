// SPDX-License-Identifier: Apache-2.0
package userservice;

/** The caller must not do this; which HTTP status that is, {@link UserRoutes} decides. */
public final class PermissionDeniedException extends RuntimeException {
  /** Says so in the words for the caller. */
  public PermissionDeniedException() {
    super("permission denied");
  }
}
