// SPDX-License-Identifier: Apache-2.0
package client.options;

import kit.LogSafe;
import kit.PeerException;
import kit.cli.Output;

/** Prints failed calls, one line each. */
public final class Failure {
  private Failure() {}

  /** Prints for instance {@code GET /user/101 failed: 403 permission denied (127.0.0.1:8081)}. */
  public static void print(Object call, Exception error) {
    Output.errorLine(LogSafe.of(call + " failed: " + why(error)));
  }

  /** Returns the message of a peer's failure; of any other error, type and message. */
  public static String why(Throwable error) {
    return error instanceof PeerException ? error.getMessage() : error.toString();
  }
}
