// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import kit.Context;
import kit.Endpoint;

/**
 * Has names answered by other instances, and leaves the rest to the service it goes around: a
 * middleware of the business itself.
 *
 * <p>The context goes along, so that deadline, request id and trace reach who is asked. A failure
 * there is a failure here: the {@link kit.PeerException} passes through, and is never made into an
 * empty name.
 */
public final class ProxyingUserService implements UserService {
  // Of the call with all its attempts. A caller who waits for us is not to wait for ever.
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private final UserService next;
  private final Endpoint<Integer, String> getName;

  /** Asks {@code getName} for names, and {@code next} for all else. */
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
