// SPDX-License-Identifier: Apache-2.0
package userservice;

/** Denied operation; {@link UserRoutes} maps it to an HTTP status. */
public final class PermissionDeniedException extends RuntimeException {
  /** Creates one with the message for the client. */
  public PermissionDeniedException() {
    super("permission denied");
  }
}
