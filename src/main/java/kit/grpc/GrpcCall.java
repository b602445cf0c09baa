// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static kit.http2.HeaderField.of;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.net.ssl.SSLSession;
import kit.Context;
import kit.http.Request;
import kit.http.RequestBody;
import kit.http.RequestId;
import kit.http.RequestTarget;
import kit.http.TlsClient;
import kit.http2.HeaderField;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;

/**
 * A call that a {@link GrpcService} serves: the metadata of the client, and what is sent beside the
 * messages.
 *
 * <pre>{@code
 * GrpcCall call = GrpcCall.in(context);
 * call.metadata().get("tenant");
 * call.sendLater(GrpcMetadata.empty().with("cost", "7"));
 * }</pre>
 *
 * <p>For the thread of the call; with two threads, for the one that writes.
 */
public final class GrpcCall {
  private static final Context.Key<GrpcCall> KEY = Context.key("grpc-call");
  private static final String CONTENT_TYPE = "application/grpc";
  private static final HeaderField ACCEPT_ENCODING = of("grpc-accept-encoding", "identity,gzip");
  private static final Pattern GZIP = Pattern.compile("(^|,)\\s*gzip\\s*($|,)");
  private static final long NO_LIMIT = Long.MAX_VALUE / 2; // Nanoseconds: 146 years.
  private static final int MAX_MESSAGE_CHARS = 1000; // Of a status; peers accept 8 KiB in total.

  private final Http2Stream stream;
  private final GrpcService.Settings settings;
  private final List<HeaderField> head;
  private final MessageWriter writer;

  private volatile boolean isCancelled; // By the client, or by the end of its connection.
  private GrpcMetadata metadata = GrpcMetadata.empty();
  private MessageReader reader; // Null until begin().
  private CallTimer timer; // Null without a deadline.
  private Context context;
  private long limitNanos; // How long a message may take.
  private boolean acceptsGzip;
  private long sentBytes; // Of messages, with their prefixes.
  private boolean compresses;
  private boolean isHeadSent;
  private GrpcMetadata first = GrpcMetadata.empty();
  private GrpcMetadata last = GrpcMetadata.empty();

  GrpcCall(Http2Stream stream, GrpcService.Settings settings) throws IOException {
    this.stream = stream;
    this.settings = settings;
    this.head = stream.head();
    this.writer = new MessageWriter(stream);
    this.limitNanos = settings.messageTimeout().toNanos();
    String id = RequestId.acceptOrNew(field("x-request-id").orElse(null));
    Context withId = Context.background().with(RequestId.KEY, id).with(KEY, this);
    this.context =
        stream
            .session()
            .flatMap(TlsClient::of)
            .map(client -> withId.with(TlsClient.KEY, client))
            .orElse(withId);
  }

  /**
   * Returns the call of a context.
   *
   * @throws IllegalStateException if there is none: the endpoint is not served by gRPC
   */
  public static GrpcCall in(Context context) {
    GrpcCall call = context.get(KEY);
    if (call == null) {
      throw new IllegalStateException("not in a call of gRPC");
    }
    return call;
  }

  /** Returns the metadata of the client. */
  public GrpcMetadata metadata() {
    return metadata;
  }

  /** Returns the path as received, such as {@code /package.Service/Method}; untrusted. */
  public String path() {
    return field(":path").orElse("");
  }

  /** Returns the address of the client, which may be a proxy. */
  public InetSocketAddress remoteAddress() {
    return stream.remoteAddress();
  }

  /** Returns the TLS session, or empty. */
  public Optional<SSLSession> session() {
    return stream.session();
  }

  /**
   * Adds metadata that is sent before the first message.
   *
   * @throws IllegalStateException if that was sent
   */
  public void sendFirst(GrpcMetadata more) {
    if (isHeadSent) {
      throw new IllegalStateException("the first metadata was sent");
    }
    first = first.with(more);
  }

  /** Adds metadata that is sent with the status, after all messages. */
  public void sendLater(GrpcMetadata more) {
    last = last.with(more);
  }

  /** Sets whether the next messages are compressed, if the client accepts gzip; at first not. */
  public void compress(boolean compress) {
    compresses = compress;
  }

  Optional<String> field(String name) {
    return head.stream()
        .filter(field -> field.name().equals(name))
        .map(HeaderField::value)
        .findFirst();
  }

  /** Returns the HTTP status of a request that is none of gRPC, otherwise 200. */
  int httpStatus() {
    if (!field(":method").orElse("").equals("POST")) {
      return 405;
    }
    String type = field("content-type").orElse("");
    boolean isGrpc = type.equals(CONTENT_TYPE);
    isGrpc |= type.startsWith(CONTENT_TYPE + "+") || type.startsWith(CONTENT_TYPE + ";");
    return isGrpc ? 200 : 415;
  }

  /** Responds without gRPC. */
  void reject(int httpStatus) throws IOException {
    List<HeaderField> fields = new ArrayList<>();
    fields.add(of(":status", Integer.toString(httpStatus)));
    if (httpStatus == 405) {
      fields.add(of("allow", "POST"));
    }
    stream.sendHead(fields, true);
    stream.flush();
  }

  /** Returns whether the client has cancelled the call. */
  boolean isCancelled() {
    return isCancelled;
  }

  /** Returns the context of the call, with its deadline once it has begun. */
  Context context() {
    return context;
  }

  /** Reads the head, and starts the timer of the deadline. Returns the context of the call. */
  Context begin() {
    stream.onReset(reset -> isCancelled = true);
    try {
      metadata = GrpcMetadata.of(head);
      Optional<String> timeout = field(GrpcTimeout.NAME);
      if (timeout.isPresent()) {
        context = context.withTimeout(Duration.ofNanos(GrpcTimeout.parse(timeout.get())));
        timer = CallTimer.after(context.remainingNanos());
      }
    } catch (IllegalArgumentException e) {
      throw new GrpcException(GrpcStatus.INVALID_ARGUMENT, e.getMessage());
    }
    acceptsGzip = GZIP.matcher(field(ACCEPT_ENCODING.name()).orElse("")).find();
    String encoding = field("grpc-encoding").orElse(MessageReader.IDENTITY);
    reader = new MessageReader(stream.body(), encoding, settings.maxMessageBytes());
    return context;
  }

  /** Returns the head for middleware. */
  Request request(Request.Tracker tracker) {
    Headers headers = new Headers();
    try {
      metadata.fields().forEach(field -> headers.add(field.name(), field.value()));
      RequestTarget target = RequestTarget.parse(path(), "");
      RequestBody none = new RequestBody(InputStream.nullInputStream(), 0);
      return new Request("POST", target, headers, none, remoteAddress(), "2", tracker);
    } catch (RequestTarget.InvalidException | IllegalArgumentException e) {
      throw new GrpcException(GrpcStatus.INVALID_ARGUMENT, "malformed path or metadata");
    }
  }

  /** Limits nothing but the whole call: the client may pause between messages. */
  void allowPauses() {
    limitNanos = NO_LIMIT;
  }

  /** Returns the next message, or null at the end. */
  byte[] next() throws IOException {
    beforeWait();
    try {
      return reader.next();
    } catch (StreamResetException e) {
      isCancelled = true; // The listener may come later.
      throw e;
    } catch (SocketTimeoutException e) {
      throw new GrpcException(GrpcStatus.DEADLINE_EXCEEDED, "the request did not arrive in time");
    }
  }

  void send(byte[] message) throws IOException {
    beforeWait();
    try {
      sendHead();
      sentBytes += writer.send(message, compresses && acceptsGzip, false);
    } catch (StreamResetException e) {
      isCancelled = true;
      throw e;
    } catch (SocketTimeoutException e) {
      throw new GrpcException(
          GrpcStatus.DEADLINE_EXCEEDED, "the client did not read the response in time");
    }
  }

  /** Returns the length of the messages sent so far. */
  long sentBytes() {
    return sentBytes;
  }

  void flush() throws IOException {
    stream.flush();
  }

  private void beforeWait() throws IOException {
    if (Thread.currentThread().isInterrupted()) { // A call that need not wait does not check it.
      throw new InterruptedIOException("interrupted");
    }
    stream.deadline(System.nanoTime() + Math.min(limitNanos, remainingNanos()));
  }

  private long remainingNanos() {
    return Math.min(NO_LIMIT, context.remainingNanos());
  }

  private void sendHead() throws IOException {
    if (!isHeadSent) {
      isHeadSent = true;
      stream.sendHead(responseHead(), false);
    }
  }

  private List<HeaderField> responseHead() {
    List<HeaderField> fields = new ArrayList<>();
    fields.add(of(":status", "200"));
    fields.add(of("content-type", CONTENT_TYPE));
    if (acceptsGzip) {
      fields.add(of("grpc-encoding", MessageReader.GZIP)); // Each message has a flag of its own.
    }
    fields.add(ACCEPT_ENCODING);
    String id = context.get(RequestId.KEY);
    fields.add(new HeaderField("x-request-id", id, HeaderField.Indexing.WITHOUT));
    fields.addAll(first.fields());
    return fields;
  }

  /** Stops the timer: from now on the thread is not interrupted by it. Returns whether it expired. */
  boolean stop() {
    if (timer == null) {
      return false;
    }
    timer.stop();
    return timer.isExpired();
  }

  /** Ends the call with success. */
  void succeed() throws IOException {
    sendHead();
    end(List.of(of("grpc-status", "0")));
  }

  /** Ends the call with a failure; without a head of its own if none was sent. */
  void fail(GrpcException failure) throws IOException {
    List<HeaderField> fields = new ArrayList<>();
    fields.add(of("grpc-status", Integer.toString(failure.status().number())));
    String message = failure.getMessage();
    if (!message.isEmpty()) {
      String cut = message.substring(0, Math.min(message.length(), MAX_MESSAGE_CHARS));
      String coded = PercentCoding.encode(cut);
      fields.add(new HeaderField("grpc-message", coded, HeaderField.Indexing.WITHOUT));
    }
    if (failure.details().length > 0) {
      fields.add(GrpcMetadata.binary("grpc-status-details-bin", failure.details()));
    }
    end(fields);
  }

  private void end(List<HeaderField> status) throws IOException {
    stream.deadline(System.nanoTime() + settings.messageTimeout().toNanos());
    List<HeaderField> fields = isHeadSent ? new ArrayList<>() : responseHead();
    fields.addAll(status);
    fields.addAll(last.fields());
    if (isHeadSent) {
      stream.sendTrailers(fields);
    } else {
      stream.sendHead(fields, true);
    }
    stream.flush();
  }
}
