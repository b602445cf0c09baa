// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import java.nio.charset.StandardCharsets;
import kit.http.Response;

/** The responses of {@link HttpService#health} and {@link HttpService#ready}. */
final class HealthResponses {
  static final Response HEALTHY = status(200, "ok");
  static final Response READY = status(200, "ready");
  static final Response STARTING = status(503, "starting");
  static final Response DRAINING = status(503, "draining");

  private HealthResponses() {}

  private static Response status(int status, String text) {
    String json = "{\"status\":\"" + text + "\"}";
    return Response.json(status, json.getBytes(StandardCharsets.US_ASCII));
  }
}
