// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;

/**
 * TLS handshakes under way, up to a bound. One more closes the oldest: a handshake takes milliseconds,
 * so the oldest is one that does not end, and clients that finish theirs are not affected by those that
 * do not.
 *
 * <p>Thread-safe.
 */
final class Handshakes {
  private final int most;
  private final Set<Connection> underWay = new LinkedHashSet<>(); // Guarded by this.

  Handshakes(int most) {
    this.most = most;
  }

  /** A handshake begins; returns the connection to close for it. */
  synchronized Optional<Connection> begin(Connection connection) {
    Optional<Connection> oldest = Optional.empty();
    if (underWay.size() >= most) {
      Iterator<Connection> first = underWay.iterator();
      oldest = Optional.of(first.next());
      first.remove();
    }
    underWay.add(connection);
    return oldest;
  }

  /** A handshake has ended, in whatever way. */
  synchronized void end(Connection connection) {
    underWay.remove(connection);
  }
}
