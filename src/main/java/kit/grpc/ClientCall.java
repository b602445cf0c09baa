// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import kit.LogSafe;
import kit.PeerException;
import kit.http2.ErrorCode;
import kit.http2.HeaderField;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;

/**
 * A call on the side of the client, from the request to the status. All failures of the peer are a
 * {@link PeerException}. One thread may send while another one receives; {@link #cancel} is for any.
 */
final class ClientCall {
  private static final long MAX_RETRY_AFTER_SECONDS =
      365 * 86_400; // Must not overflow nanoseconds.

  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}");

  private static final byte[] NONE = {};

  private final Http2Stream stream;
  private final String instance;
  private final int maxMessageBytes;
  private final Consumer<GrpcMetadata> onMetadata;
  private final MessageWriter writer;
  private MessageReader reader; // Null until the head has come.
  private boolean isEnded; // With the status OK.

  ClientCall(
      Http2Stream stream, String instance, int maxMessageBytes, Consumer<GrpcMetadata> onMetadata) {
    this.stream = stream;
    this.instance = instance;
    this.maxMessageBytes = maxMessageBytes;
    this.onMetadata = onMetadata;
    this.writer = new MessageWriter(stream);
  }

  /**
   * Sends a request; waits while the server does not read. Returns false if the server has ended the
   * call: its status is to be received.
   */
  boolean send(byte[] message, boolean isLast) throws InterruptedException {
    return isSent(() -> writer.send(message, false, isLast));
  }

  /** Tells the server that there are no more requests. Not after the last one. */
  void endRequests() throws InterruptedException {
    isSent(() -> stream.sendData(NONE, 0, 0, true));
  }

  /** Sends something. */
  private interface Sending {
    void run() throws IOException;
  }

  private boolean isSent(Sending sending) throws InterruptedException {
    try {
      sending.run();
      stream.flush();
      return true;
    } catch (StreamResetException e) {
      if (e.code() != ErrorCode.NO_ERROR) { // A response that came before the end of the requests.
        throw failure(e, instance);
      }
      return false;
    } catch (IOException e) {
      throw failure(e, instance);
    }
  }

  /** Returns the only response. */
  <R> R only(GrpcCodec<R> codec) throws InterruptedException {
    byte[] message = next();
    if (message == null || next() != null) {
      throw malformed(message == null ? "no message" : "more than one message");
    }
    return decoded(codec, message);
  }

  <R> R decoded(GrpcCodec<R> codec, byte[] message) {
    try {
      return requireNonNull(codec.decode(message), "decoded message");
    } catch (IOException e) {
      throw malformed(e.getMessage());
    }
  }

  /** Returns the next response; null at the end if the status is OK. */
  byte[] next() throws InterruptedException {
    try {
      if (reader == null) {
        begin(stream.head());
      }
      byte[] message = isEnded ? null : reader.next();
      if (message == null && !isEnded) {
        end(stream.trailers());
      }
      return message;
    } catch (GrpcException e) {
      throw e.status() == GrpcStatus.RESOURCE_EXHAUSTED
          ? PeerException.tooLarge(instance, e.getMessage(), e)
          : malformed(e.getMessage());
    } catch (IOException e) {
      throw failure(e, instance);
    }
  }

  /** Ends the call if it has not ended. */
  void cancel() {
    stream.reset(ErrorCode.CANCEL);
  }

  private void begin(List<HeaderField> head) {
    boolean isOnlyTrailers = !valueOf(head, "grpc-status", "").isEmpty();
    String httpStatus = valueOf(head, ":status", "");
    if (!httpStatus.equals("200") && !isOnlyTrailers) { // Of a proxy, or of no server of gRPC.
      String detail = "HTTP status without a status of gRPC";
      throw httpStatus.matches("[1-9]\\d\\d")
          ? PeerException.status(instance, Integer.parseInt(httpStatus), detail, retryAfter(head))
          : malformed("no HTTP status");
    }
    if (isOnlyTrailers) {
      end(head);
    } else if (!valueOf(head, "content-type", "").startsWith("application/grpc")) {
      throw malformed("not of type application/grpc");
    } else {
      receive(head);
    }
    String encoding = valueOf(head, "grpc-encoding", MessageReader.IDENTITY);
    reader = new MessageReader(stream.body(), encoding, maxMessageBytes);
  }

  private void receive(List<HeaderField> fields) {
    GrpcMetadata metadata;
    try {
      metadata = GrpcMetadata.of(fields);
    } catch (IllegalArgumentException e) {
      throw malformed(e.getMessage());
    }
    onMetadata.accept(metadata);
  }

  private void end(List<HeaderField> trailers) {
    receive(trailers);
    String number = valueOf(trailers, "grpc-status", "");
    if (!NUMBER.matcher(number).matches()) {
      throw malformed(number.isEmpty() ? "no status of gRPC" : "no number in grpc-status");
    }
    GrpcStatus status = GrpcStatus.of(Integer.parseInt(number));
    if (status == GrpcStatus.OK) {
      isEnded = true;
      return;
    }
    String message = LogSafe.of(PercentCoding.decode(valueOf(trailers, "grpc-message", "")));
    GrpcException cause = new GrpcException(status, message, details(trailers));
    if (status == GrpcStatus.DEADLINE_EXCEEDED) { // The server noticed it first.
      throw PeerException.timeout(instance, cause);
    }
    String detail = message.isEmpty() ? status.name() : message;
    throw PeerException.status(instance, status.httpStatus(), detail, retryAfter(trailers), cause);
  }

  private byte[] details(List<HeaderField> trailers) {
    try {
      return GrpcMetadata.bytes(
          HeaderField.of("", valueOf(trailers, "grpc-status-details-bin", "")));
    } catch (IllegalArgumentException e) {
      return new byte[0]; // The status counts.
    }
  }

  private static Duration retryAfter(List<HeaderField> fields) {
    String seconds = valueOf(fields, "retry-after", "");
    return NUMBER.matcher(seconds).matches()
        ? Duration.ofSeconds(Math.min(Long.parseLong(seconds), MAX_RETRY_AFTER_SECONDS))
        : null;
  }

  private static String valueOf(List<HeaderField> fields, String name, String other) {
    return fields.stream()
        .filter(field -> field.name().equals(name))
        .map(HeaderField::value)
        .findFirst()
        .orElse(other);
  }

  private PeerException malformed(String problem) {
    return PeerException.malformed(instance, "malformed response: " + LogSafe.of(problem), null);
  }

  /** Returns the failure for an exception after the stream was opened. */
  static PeerException failure(IOException e, String instance) throws InterruptedException {
    if (e instanceof SocketTimeoutException) {
      return PeerException.timeout(instance, e);
    }
    if (e instanceof InterruptedIOException) {
      Thread.interrupted();
      throw new InterruptedException();
    }
    if (e instanceof StreamResetException reset && reset.isUnprocessed()) {
      return PeerException.notConnected(instance, "request refused before it was processed", e);
    }
    return PeerException.broken(instance, "call broken: " + LogSafe.of(e.getMessage()), e);
  }
}
