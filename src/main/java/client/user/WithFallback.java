// SPDX-License-Identifier: Apache-2.0
package client.user;

import client.options.UserCall;
import java.time.Duration;
import kit.Endpoint;
import kit.PeerException;
import kit.command.Command;
import kit.command.CommandSettings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Fallback for failed calls. */
final class WithFallback {
  private static final Logger log = LoggerFactory.getLogger(WithFallback.class);

  private WithFallback() {}

  /** Returns an endpoint that returns {@code fallback} if a call fails or exceeds {@code timeout}. */
  static Endpoint<UserCall, String> around(
      Endpoint<UserCall, String> next, Duration timeout, String fallback) {
    CommandSettings settings =
        CommandSettings.defaults()
            .withTimeout(timeout)
            .withBreaker(1, 0, Duration.ofSeconds(1)); // Never opens: each instance has its own.
    Command command = new Command("users", settings);
    return (context, call) ->
        command.run(
            () -> next.call(context, call),
            cause -> {
              if (isRefusal(cause)) {
                throw cause;
              }
              log.debug("{} failed, fallback used: {}", call, cause.getMessage());
              return fallback;
            });
  }

  /**
   * Returns whether the service rejected the call: its own response, which a retry would not
   * change.
   */
  private static boolean isRefusal(Exception cause) {
    return cause instanceof PeerException peer
        && peer.kind() == PeerException.Kind.STATUS
        && peer.status() < 500;
  }
}
