// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import kit.Context;
import kit.Endpoint;

/**
 * Forwards {@code getName} to other instances: a middleware of the service itself. All other calls go to
 * the service that it wraps.
 *
 * <p>The context is passed on, so that deadline, request id and trace reach the other instance. A failure
 * of the other instance is a failure here: its {@link kit.PeerException} is thrown.
 */
public final class ProxyingUserService implements UserService {
  // Deadline of the call with all its attempts, so that the caller's wait is bounded.
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private final UserService next;
  private final Endpoint<Integer, String> getName;

  /** Forwards {@code getName} to the endpoint, and all other calls to {@code next}. */
  public ProxyingUserService(UserService next, Endpoint<Integer, String> getName) {
    this.next = requireNonNull(next, "next");
    this.getName = requireNonNull(getName, "getName");
  }

  @Override
  public String getName(Context context, int uid) throws Exception {
    return getName.call(context.withTimeout(TIMEOUT), uid);
  }

  @Override
  public void deleteUser(Context context, int uid) throws Exception {
    next.deleteUser(context, uid);
  }
}
