// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import kit.Context;
import kit.engine.EngineProvider;
import kit.engine.EngineSettings;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;

/**
 * {@code grpc.testing.TestService}, the server that the interoperability tests of all implementations
 * of gRPC call: their clients are programs, such as {@code
 * io.grpc.testing.integration.TestServiceClient}.
 */
final class InteropService {
  private static final String PATH = "/grpc.testing.TestService/";
  private static final String ECHO_FIRST = "x-grpc-test-echo-initial";
  private static final String ECHO_LAST = "x-grpc-test-echo-trailing-bin";
  private static final int MAX_MESSAGE_BYTES = 16 << 20; // "very_large_request" has 10 MiB.

  private static final GrpcCodec<byte[]> BYTES = GrpcCodec.of(bytes -> bytes, bytes -> bytes);
  private static final GrpcCodec<Request> SIMPLE = requests(InteropService::simpleRequest);
  private static final GrpcCodec<Request> OUTPUT = requests(InteropService::outputRequest);
  private static final GrpcCodec<Request> INPUT = requests(InteropService::inputRequest);
  private static final GrpcCodec<Integer> PAYLOAD = responses(InteropService::payload);
  private static final GrpcCodec<Integer> SIZE =
      responses(size -> new ProtobufWriter().writeInt(1, size).toBytes());

  private InteropService() {}

  /** Serves on the loopback address until the process ends; the argument is the port. */
  public static void main(String[] args) throws IOException {
    InetAddress loopback = InetAddress.getLoopbackAddress();
    Http2Protocol http2 = new Http2Protocol(Http2Settings.defaults(), create());
    new EngineProvider(EngineSettings.defaults())
        .withProtocols(List.of(http2))
        .createHttpServer(new InetSocketAddress(loopback, Integer.parseInt(args[0])), 0)
        .start();
  }

  /** One response to send. */
  private record Part(int bytes, int intervalMicros, boolean isCompressed) {}

  /** What all requests have in common: {@code SimpleRequest} and those of the streams. */
  private record Request(List<Part> parts, int payloadBytes, int code, String message) {}

  static GrpcService create() {
    GrpcService.Settings defaults = GrpcService.Settings.defaults();
    return new GrpcService(
            new GrpcService.Settings(
                MAX_MESSAGE_BYTES, defaults.maxInFlight(), defaults.messageTimeout()))
        .add(GrpcMethod.unary(PATH + "EmptyCall", BYTES, BYTES, (context, empty) -> empty))
        .add(GrpcMethod.unary(PATH + "UnaryCall", SIMPLE, PAYLOAD, InteropService::unary))
        .add(GrpcMethod.stream(PATH + "StreamingOutputCall", OUTPUT, PAYLOAD, InteropService::each))
        .add(GrpcMethod.stream(PATH + "FullDuplexCall", OUTPUT, PAYLOAD, InteropService::each))
        .add(GrpcMethod.stream(PATH + "HalfDuplexCall", OUTPUT, PAYLOAD, InteropService::later))
        .add(GrpcMethod.stream(PATH + "StreamingInputCall", INPUT, SIZE, InteropService::sum))
        .addAll(new GrpcHealth(() -> true).methods());
  }

  private static int unary(Context context, Request request) {
    begin(context, request);
    Part part = request.parts().get(0);
    GrpcCall.in(context).compress(part.isCompressed());
    return part.bytes();
  }

  private static void each(
      Context context,
      GrpcStreamHandler.Reader<Request> requests,
      GrpcStreamHandler.Writer<Integer> responses)
      throws IOException, InterruptedException {
    echoMetadata(GrpcCall.in(context));
    for (Request next = requests.read(); next != null; next = requests.read()) {
      failIfAsked(next);
      respond(context, next, responses);
    }
  }

  private static void later(
      Context context,
      GrpcStreamHandler.Reader<Request> requests,
      GrpcStreamHandler.Writer<Integer> responses)
      throws IOException, InterruptedException {
    List<Request> all = new ArrayList<>();
    for (Request next = requests.read(); next != null; next = requests.read()) {
      all.add(next);
    }
    for (Request next : all) {
      respond(context, next, responses);
    }
  }

  private static void sum(
      Context context,
      GrpcStreamHandler.Reader<Request> requests,
      GrpcStreamHandler.Writer<Integer> responses)
      throws IOException {
    int sum = 0;
    for (Request next = requests.read(); next != null; next = requests.read()) {
      sum += next.payloadBytes();
    }
    responses.write(sum);
  }

  private static void begin(Context context, Request request) {
    echoMetadata(GrpcCall.in(context));
    failIfAsked(request);
  }

  private static void echoMetadata(GrpcCall call) {
    GrpcMetadata received = call.metadata();
    GrpcMetadata none = GrpcMetadata.empty();
    received.get(ECHO_FIRST).ifPresent(value -> call.sendFirst(none.with(ECHO_FIRST, value)));
    received.bytes(ECHO_LAST).ifPresent(value -> call.sendLater(none.with(ECHO_LAST, value)));
  }

  private static void failIfAsked(Request request) {
    if (request.code() != 0) {
      throw new GrpcException(GrpcStatus.of(request.code()), request.message());
    }
  }

  private static void respond(
      Context context, Request request, GrpcStreamHandler.Writer<Integer> responses)
      throws IOException, InterruptedException {
    for (Part part : request.parts()) {
      new CountDownLatch(1).await(part.intervalMicros(), TimeUnit.MICROSECONDS);
      GrpcCall.in(context).compress(part.isCompressed());
      responses.write(part.bytes());
    }
  }

  private static Request simpleRequest(byte[] bytes) throws IOException {
    int size = 0;
    int payload = 0;
    boolean isCompressed = false;
    Request status = new Request(List.of(), 0, 0, "");
    for (ProtobufReader message = new ProtobufReader(bytes); message.next(); ) {
      switch (message.field()) {
        case 2 -> size = message.readInt32();
        case 3 -> payload = payloadBytes(message.readMessage());
        case 6 -> isCompressed = boolValue(message.readMessage());
        case 7 -> status = status(message.readMessage());
        default -> {}
      }
    }
    List<Part> parts = List.of(new Part(size, 0, isCompressed));
    return new Request(parts, payload, status.code(), status.message());
  }

  private static Request outputRequest(byte[] bytes) throws IOException {
    List<Part> parts = new ArrayList<>();
    int payload = 0;
    Request status = new Request(List.of(), 0, 0, "");
    for (ProtobufReader message = new ProtobufReader(bytes); message.next(); ) {
      switch (message.field()) {
        case 2 -> parts.add(part(message.readMessage()));
        case 3 -> payload = payloadBytes(message.readMessage());
        case 7 -> status = status(message.readMessage());
        default -> {}
      }
    }
    return new Request(parts, payload, status.code(), status.message());
  }

  private static Request inputRequest(byte[] bytes) throws IOException {
    int payload = 0;
    for (ProtobufReader message = new ProtobufReader(bytes); message.next(); ) {
      if (message.field() == 1) {
        payload = payloadBytes(message.readMessage());
      }
    }
    return new Request(List.of(), payload, 0, "");
  }

  private static Part part(ProtobufReader message) throws IOException {
    int size = 0;
    int interval = 0;
    boolean isCompressed = false;
    while (message.next()) {
      switch (message.field()) {
        case 1 -> size = message.readInt32();
        case 2 -> interval = message.readInt32();
        case 3 -> isCompressed = boolValue(message.readMessage());
        default -> {}
      }
    }
    return new Part(size, interval, isCompressed);
  }

  private static Request status(ProtobufReader message) throws IOException {
    int code = 0;
    String text = "";
    while (message.next()) {
      switch (message.field()) {
        case 1 -> code = message.readInt32();
        case 2 -> text = message.readString();
        default -> {}
      }
    }
    return new Request(List.of(), 0, code, text);
  }

  private static boolean boolValue(ProtobufReader message) throws IOException {
    boolean value = false;
    while (message.next()) {
      if (message.field() == 1) {
        value = message.readBool();
      }
    }
    return value;
  }

  private static int payloadBytes(ProtobufReader message) throws IOException {
    int length = 0;
    while (message.next()) {
      if (message.field() == 2) {
        length = message.readBytes().length;
      }
    }
    return length;
  }

  /** A message with a payload of so many zeros. */
  private static byte[] payload(int size) {
    ProtobufWriter payload = new ProtobufWriter().writeBytes(2, new byte[size]);
    return new ProtobufWriter().writeMessage(1, payload).toBytes();
  }

  private static GrpcCodec<Request> requests(GrpcCodec.Decoder<Request> decoder) {
    return GrpcCodec.of(
        request -> {
          throw new UnsupportedOperationException();
        },
        decoder);
  }

  private static GrpcCodec<Integer> responses(Function<Integer, byte[]> encoder) {
    return GrpcCodec.of(
        encoder,
        bytes -> {
          throw new UnsupportedOperationException();
        });
  }
}
