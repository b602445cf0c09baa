// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.util.Objects.requireNonNull;

import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import kit.StatusException;
import kit.http.RequestId;
import kit.http.RequestSummary;
import kit.http.TlsClient;

/**
 * Access log: one line per served request, with route, status, bytes, duration and peer.
 *
 * <pre>{@code
 * http.onCompleted(new AccessLog(log::log)); // log: a KeyValueLog
 * // method=GET route=/user/{uid:\d+} path=/user/7 status=200 bytes=22 took_ms=0.412
 * //   remote=127.0.0.1:40112 request_id=5f0c... trace_id=4bf9...     (one line)
 * }</pre>
 *
 * <p>{@link RequestSummary} describes the fields. {@code grpc_code}, {@code trace_id} and {@code
 * error} are present if there is one, {@code client} and {@code client_names} with a {@link
 * TlsClient}. Path and error are untrusted, so the log must escape them.
 *
 * <p>Thread-safe if the log is. It writes on the thread of the request, after the response was
 * sent.
 */
public final class AccessLog implements Consumer<RequestSummary> {
  /** Writes one line of the access log. */
  @FunctionalInterface
  public interface Line {
    /** Writes alternating keys and values. */
    void log(Object... keysAndValues);
  }

  private final Line line;

  /** Creates an access log that writes to {@code line}. */
  public AccessLog(Line line) {
    this.line = requireNonNull(line, "line");
  }

  @Override
  public void accept(RequestSummary done) {
    List<Object> event = new ArrayList<>(20);
    event.addAll(List.of("method", done.method(), "route", done.route(), "path", done.path()));
    event.addAll(List.of("status", done.status(), "bytes", done.bytes()));
    event.addAll(List.of("took_ms", BigDecimal.valueOf(done.nanos() / 1_000, 3)));
    event.addAll(List.of("remote", address(done.remote()), "request_id", done.requestId()));
    String grpcCode = done.context().get(RequestSummary.GRPC_CODE);
    if (grpcCode != null) {
      event.addAll(List.of("grpc_code", grpcCode));
    }
    String traceId = done.context().get(RequestId.TRACE_ID);
    if (traceId != null) {
      event.addAll(List.of("trace_id", traceId));
    }
    TlsClient client = done.context().get(TlsClient.KEY);
    if (client != null) {
      event.addAll(List.of("client", client.subject()));
      event.addAll(List.of("client_names", String.join(",", client.names())));
    }
    if (done.error() != null) {
      // The message of a rejection is enough; of any other error the log needs the type, too.
      boolean isRejection = done.error() instanceof StatusException;
      event.addAll(List.of("error", isRejection ? done.error().getMessage() : done.error()));
    }
    line.log(event.toArray());
  }

  private static String address(InetSocketAddress remote) {
    String host = remote.getAddress().getHostAddress();
    return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + remote.getPort();
  }
}
