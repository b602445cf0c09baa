// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import kit.Context;
import kit.log.KeyValueLog;
import kit.log.Logging;

/** Logs calls and results of the business logic: a middleware of the service itself. */
public final class LoggingUserService implements UserService {
  private final UserService next;
  private final KeyValueLog log;

  /** Logs calls of {@code next} to {@code log}, one line each. */
  public LoggingUserService(UserService next, KeyValueLog log) {
    this.next = requireNonNull(next, "next");
    this.log = requireNonNull(log, "log");
  }

  @Override
  public String getName(Context context, int uid) throws Exception {
    return Logging.<Integer, String>calls(log, "getName").around(next::getName).call(context, uid);
  }

  @Override
  public void deleteUser(Context context, int uid) throws Exception {
    Logging.<Integer, Void>calls(log, "deleteUser")
        .around(
            (inner, id) -> {
              next.deleteUser(inner, id);
              return null;
            })
        .call(context, uid);
  }
}
