// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;

/** A request that is rejected before any handler sees it; the connection is closed. */
final class BadRequest extends IOException {
  private final int status;

  /**
   * Creates a rejection.
   *
   * @param problem is sent to the client: without bytes of the request
   */
  BadRequest(int status, String problem) {
    super(problem);
    this.status = status;
  }

  int status() {
    return status;
  }
}
