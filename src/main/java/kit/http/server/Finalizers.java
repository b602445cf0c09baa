// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import kit.Context;
import kit.LogSafe;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.RequestSummary;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Functions that are called after each request of a server, such as access log and metrics. The
 * failure of one is logged, and affects no other.
 *
 * <p>Thread-safe.
 */
final class Finalizers implements ServerEngine.Rejections {
  private static final Logger log = LoggerFactory.getLogger(HttpService.class);
  private static final String UNKNOWN = "-";

  private final List<Consumer<RequestSummary>> all = new CopyOnWriteArrayList<>();

  void add(Consumer<RequestSummary> finalizer) {
    all.add(finalizer);
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  /** Calls those of this request, {@code own}, and then those of all requests. */
  void run(List<Consumer<RequestSummary>> own, RequestSummary completed) {
    own.forEach(finalizer -> run(finalizer, completed));
    all.forEach(finalizer -> run(finalizer, completed));
  }

  private static void run(Consumer<RequestSummary> finalizer, RequestSummary completed) {
    try {
      finalizer.accept(completed);
    } catch (Throwable e) { // The next finalizers and the connection are not affected.
      log.error("finalizer failed: {} ({})", LogSafe.of(e), RequestId.idsIn(completed.context()));
    }
  }

  /** Calls them for a request that the engine has rejected. */
  @Override
  public void rejected(InetSocketAddress remote, int status, String reason) {
    run(
        List.of(),
        new RequestSummary(
            Request.NO_ROUTE,
            UNKNOWN,
            RequestHead.OTHER_METHOD,
            status,
            0,
            0,
            new StatusException(status, reason),
            UNKNOWN,
            Context.background().with(RequestId.KEY, UNKNOWN),
            remote));
  }
}
