// SPDX-License-Identifier: Apache-2.0
package client.options;

import kit.LogSafe;
import kit.PeerException;
import kit.cli.Output;

/** Says in one line that a call has failed, and why. */
public final class Failure {
  private Failure() {}

  /** Prints for instance {@code GET /user/101 failed: 403 permission denied (127.0.0.1:8081)}. */
  public static void print(Object call, Exception error) {
    Output.errorLine(LogSafe.of(call + " failed: " + why(error)));
  }

  /** Says what went wrong: a peer's failure explains itself; of any other we need to know the type. */
  public static String why(Throwable error) {
    return error instanceof PeerException ? error.getMessage() : error.toString();
  }
}
