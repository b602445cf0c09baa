// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.PeerException;
import kit.http.RequestId;
import kit.http.client.HttpEndpoint;
import kit.http.client.TlsFailure;
import kit.http2.HeaderField;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;

/**
 * Calls a method of a gRPC server as an endpoint: the client side of {@link GrpcService}.
 *
 * <pre>{@code
 * GrpcChannel channel = GrpcChannel.to("10.0.0.5", 8081); // One per server.
 * Endpoint<Integer, String> getName =
 *     GrpcEndpoint.unary(channel, "/user.UserService/GetName", uidCodec, nameCodec);
 * }</pre>
 *
 * <p>The deadline of the {@link Context} is sent as {@code grpc-timeout} and ends the call here, too;
 * without one, a unary call has 30 seconds and a stream has no limit. The request id in the context is
 * sent as metadata.
 *
 * <h2>Errors</h2>
 *
 * <pre>
 *   any other status than OK           {@link PeerException} of kind STATUS, with the HTTP status of
 *                                      {@link GrpcStatus}; its cause is the {@link GrpcException}
 *   HTTP status other than 200         STATUS, with that
 *   no connection; request refused     NOT_CONNECTED: the request was certainly not processed
 *   deadline passed, here or there     TIMEOUT
 *   stream reset, connection lost      BROKEN
 *   malformed; too long a message      MALFORMED; TOO_LARGE
 *   interrupted                        {@link InterruptedException}; the call is cancelled
 * </pre>
 *
 * <h2>Threads</h2>
 *
 * <p>A call runs on the thread of its caller. Immutable; thread-safe.
 */
public final class GrpcEndpoint<Q, R> implements Endpoint<Q, R> {
  private static final int MAX_MESSAGE_BYTES = 4 << 20; // As in other implementations of gRPC.
  private static final long DEFAULT_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final long NO_LIMIT = Long.MAX_VALUE / 2; // Nanoseconds: 146 years.

  private final GrpcChannel channel;
  private final String path;
  private final Exchange<Q, R> exchange;
  private final long timeoutNanos; // Without a deadline.
  private final boolean staysOpen; // The result ends the call.
  private final List<HttpEndpoint.Before> before;
  private final List<After> after;

  private GrpcEndpoint(
      GrpcChannel channel,
      String path,
      Exchange<Q, R> exchange,
      long timeoutNanos,
      boolean staysOpen,
      List<HttpEndpoint.Before> before,
      List<After> after) {
    this.channel = requireNonNull(channel, "channel");
    this.path = requireNonNull(path, "path");
    this.exchange = exchange;
    this.timeoutNanos = timeoutNanos;
    this.staysOpen = staysOpen;
    this.before = before;
    this.after = after;
  }

  private GrpcEndpoint(
      GrpcChannel channel,
      String path,
      Exchange<Q, R> exchange,
      long timeoutNanos,
      boolean staysOpen) {
    this(channel, path, exchange, timeoutNanos, staysOpen, List.of(), List.of());
  }

  /** Returns an endpoint of a method with one request and one response. */
  public static <Q, R> GrpcEndpoint<Q, R> unary(
      GrpcChannel channel, String path, GrpcCodec<Q> requests, GrpcCodec<R> responses) {
    requireNonNull(requests, "requests");
    requireNonNull(responses, "responses");
    Exchange<Q, R> exchange =
        (call, request) -> {
          call.send(requests.encode(request), true);
          return call.only(responses);
        };
    return new GrpcEndpoint<>(channel, path, exchange, DEFAULT_TIMEOUT_NANOS, false);
  }

  /**
   * Returns an endpoint of a method with one request and a stream of responses. The iterator reads
   * them as they come: its methods wait, and throw what a unary call throws, but {@link
   * CancellationException} if the thread is interrupted. Close it unless it was read to its end.
   */
  public static <Q, R> GrpcEndpoint<Q, Responses<R>> serverStream(
      GrpcChannel channel, String path, GrpcCodec<Q> requests, GrpcCodec<R> responses) {
    requireNonNull(requests, "requests");
    requireNonNull(responses, "responses");
    Exchange<Q, Responses<R>> exchange =
        (call, request) -> {
          call.send(requests.encode(request), true);
          return new Responses<>(call, responses);
        };
    return new GrpcEndpoint<>(channel, path, exchange, NO_LIMIT, true);
  }

  /**
   * Returns an endpoint of a method with a stream of requests and one response. The iterator is used
   * on the thread of the call, up to its end or until the server ends the call; an exception of it
   * cancels the call. A second attempt continues where the first one stopped, so retry only if the
   * requests are not read before the connection is there: kind NOT_CONNECTED.
   */
  public static <Q, R> GrpcEndpoint<Iterator<? extends Q>, R> clientStream(
      GrpcChannel channel, String path, GrpcCodec<Q> requests, GrpcCodec<R> responses) {
    requireNonNull(requests, "requests");
    requireNonNull(responses, "responses");
    Exchange<Iterator<? extends Q>, R> exchange =
        (call, all) -> {
          boolean isWanted = true;
          while (isWanted && all.hasNext()) {
            isWanted = call.send(requests.encode(all.next()), false);
          }
          call.endRequests();
          return call.only(responses);
        };
    return new GrpcEndpoint<>(channel, path, exchange, NO_LIMIT, false);
  }

  /**
   * Returns an endpoint of a method with streams in both directions. The request is the first one;
   * further ones are written to the stream that is returned. Close it unless it was read to its end.
   */
  public static <Q, R> GrpcEndpoint<Q, GrpcStream<Q, R>> stream(
      GrpcChannel channel, String path, GrpcCodec<Q> requests, GrpcCodec<R> responses) {
    requireNonNull(requests, "requests");
    requireNonNull(responses, "responses");
    Exchange<Q, GrpcStream<Q, R>> exchange =
        (call, first) -> {
          GrpcStream<Q, R> stream = new GrpcStream<>(call, requests, responses);
          stream.write(first);
          return stream;
        };
    return new GrpcEndpoint<>(channel, path, exchange, NO_LIMIT, true);
  }

  /**
   * Returns this endpoint with one more function that adds header fields, which become metadata; the
   * functions of {@link HttpEndpoint} for traces and tokens will do. A value of a name that ends in
   * {@code -bin} is base64.
   */
  public GrpcEndpoint<Q, R> before(HttpEndpoint.Before more) {
    return new GrpcEndpoint<>(
        channel, path, exchange, timeoutNanos, staysOpen, with(before, more), after);
  }

  /**
   * Returns this endpoint with one more function that is given the metadata of a response: once what
   * comes before the messages, and once what comes after them.
   */
  public GrpcEndpoint<Q, R> after(After more) {
    return new GrpcEndpoint<>(
        channel, path, exchange, timeoutNanos, staysOpen, before, with(after, more));
  }

  /** Receives metadata of a response. Must be thread-safe. */
  @FunctionalInterface
  public interface After {
    /** Is called on the thread that receives the response. */
    void after(Context context, GrpcMetadata received);
  }

  private static <T> List<T> with(List<T> all, T more) {
    List<T> longer = new ArrayList<>(all);
    longer.add(requireNonNull(more, "more"));
    return List.copyOf(longer);
  }

  @Override
  public R call(Context context, Q request) throws Exception {
    long limitNanos = context.hasDeadline() ? context.remainingNanos() : timeoutNanos;
    if (limitNanos <= 0) {
      throw PeerException.timeout(channel.instance(), null);
    }
    ClientCall call = open(context, limitNanos);
    boolean isOpen = false;
    try {
      R response = exchange.run(call, request);
      isOpen = staysOpen;
      return response;
    } finally {
      if (!isOpen) {
        call.cancel(); // Without effect if it has ended.
      }
    }
  }

  private ClientCall open(Context context, long limitNanos) throws InterruptedException {
    List<HeaderField> head = head(context, limitNanos);
    try {
      Http2Stream stream = channel.open(head, System.nanoTime() + limitNanos);
      return new ClientCall(
          stream,
          channel.instance(),
          MAX_MESSAGE_BYTES,
          received -> after.forEach(function -> function.after(context, received)));
    } catch (InterruptedIOException | StreamResetException e) {
      throw ClientCall.failure(e, channel.instance()); // Timeout, interruption, GOAWAY.
    } catch (IOException e) {
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      String detail =
          TlsFailure.of(e)
              .map(TlsFailure::detail)
              .orElseGet(() -> LogSafe.of(reason.toLowerCase(Locale.ROOT)));
      throw PeerException.notConnected(channel.instance(), detail, e);
    }
  }

  private List<HeaderField> head(Context context, long limitNanos) {
    List<HeaderField> head = new ArrayList<>();
    head.add(HeaderField.of(":method", "POST"));
    head.add(HeaderField.of(":scheme", channel.isTls() ? "https" : "http"));
    head.add(HeaderField.of(":path", path));
    head.add(HeaderField.of(":authority", channel.instance()));
    head.add(HeaderField.of("te", "trailers"));
    head.add(HeaderField.of("content-type", "application/grpc"));
    head.add(HeaderField.of("grpc-accept-encoding", "identity,gzip"));
    if (limitNanos < NO_LIMIT) {
      head.add(changing(GrpcTimeout.NAME, GrpcTimeout.format(limitNanos)));
    }
    String requestId = context.get(RequestId.KEY);
    if (requestId != null) {
      head.add(changing("x-request-id", requestId));
    }
    if (!before.isEmpty()) {
      head.addAll(metadata(context).fields());
    }
    return head;
  }

  /** Returns a field whose value is another one in each call: not worth a place in the table. */
  private static HeaderField changing(String name, String value) {
    return new HeaderField(name, value, HeaderField.Indexing.WITHOUT);
  }

  private GrpcMetadata metadata(Context context) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://" + channel.instance() + path));
    before.forEach(function -> function.before(context, request));
    GrpcMetadata metadata = GrpcMetadata.empty();
    for (var field : request.build().headers().map().entrySet()) {
      String name = field.getKey().toLowerCase(Locale.ROOT);
      for (String value : field.getValue()) {
        metadata =
            name.endsWith(GrpcMetadata.BINARY)
                ? metadata.with(name, GrpcMetadata.bytes(HeaderField.of(name, value)))
                : metadata.with(name, value);
      }
    }
    return metadata;
  }

  /** Sends the requests of a call and receives its responses. */
  private interface Exchange<Q, R> {
    R run(ClientCall call, Q request) throws InterruptedException;
  }

  /** The responses of a stream. For one thread at a time. */
  public static final class Responses<R> implements Iterator<R>, AutoCloseable {
    private final ClientCall call;
    private final GrpcCodec<R> codec;
    private byte[] next; // Null if it is still to be read, and at the end.
    private boolean isEnded;

    private Responses(ClientCall call, GrpcCodec<R> codec) {
      this.call = call;
      this.codec = codec;
    }

    /** Waits for the next response or the end; returns whether there is one. */
    @Override
    public boolean hasNext() {
      if (next == null && !isEnded) {
        isEnded = true; // Also after a failure.
        try {
          next = call.next();
          isEnded = next == null;
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new CancellationException("interrupted");
        } finally {
          if (isEnded) {
            close();
          }
        }
      }
      return next != null;
    }

    @Override
    public R next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      byte[] message = next;
      next = null;
      return call.decoded(codec, message);
    }

    /** Cancels the call unless it has ended. Closing twice is harmless. */
    @Override
    public void close() {
      isEnded = true;
      next = null;
      call.cancel();
    }
  }
}
