// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.util.function.Consumer;

/**
 * Server whose requests can be traced, measured and logged, whatever its transport: {@code
 * kit.http.server.HttpService} and {@code kit.grpc.GrpcService}.
 *
 * <p>Thread-safe.
 */
public interface RequestServer {
  /**
   * Adds a function that adds values to the context of each request. It runs before limits, so that
   * {@link RequestSummary} always has these values. Returns this.
   */
  RequestServer before(EndpointHandler.Before function);

  /** Adds a function to call after each request, successful or not. Returns this. */
  RequestServer onCompleted(Consumer<RequestSummary> finalizer);

  /** Returns the number of requests in flight. */
  int inFlight();
}
