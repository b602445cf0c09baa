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

/** Answers something else while the service cannot answer. */
final class WithFallback {
  private static final Logger log = LoggerFactory.getLogger(WithFallback.class);

  private WithFallback() {}

  /** Answers {@code answer} when a call fails, or has not ended within {@code timeout}. */
  static Endpoint<UserCall, String> around(
      Endpoint<UserCall, String> next, Duration timeout, String answer) {
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
              log.debug("{} is answered by the fallback: {}", call, cause.getMessage());
              return answer;
            });
  }

  /** Whether the service has said no, which is an answer and will be the same next time. */
  private static boolean isRefusal(Exception cause) {
    return cause instanceof PeerException peer
        && peer.kind() == PeerException.Kind.STATUS
        && peer.status() < 500;
  }
}
