// SPDX-License-Identifier: Apache-2.0
package tour;

import com.sun.net.httpserver.HttpServer;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import kit.Context;
import kit.Endpoint;
import kit.engine.EngineProvider;
import kit.grpc.GrpcChannel;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcEndpoint;
import kit.grpc.GrpcMethod;
import kit.grpc.GrpcService;
import kit.grpc.ProtobufReader;
import kit.grpc.ProtobufWriter;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;

/** A method of gRPC, served and called. */
public final class Step11Grpc {
  private static final String PATH = "/hello.Hello/SayHello";

  private Step11Grpc() {}

  /** Serves the method, calls it, and prints the result. */
  public static void main(String... args) throws Exception {
    play(System.out);
  }

  // docs: codec
  // message HelloRequest { string name = 1; }    message HelloReply { string message = 1; }
  private static final GrpcCodec<String> TEXTS =
      GrpcCodec.of(
          text -> new ProtobufWriter().writeString(1, text).toBytes(),
          bytes -> {
            String text = ""; // What is absent has the default.
            for (ProtobufReader message = new ProtobufReader(bytes); message.next(); ) {
              text = message.field() == 1 ? message.readString() : text;
            }
            return text;
          });

  // end of codec

  static void play(PrintStream out) throws Exception {
    // docs: grpc
    GrpcService service =
        new GrpcService(GrpcService.Settings.defaults())
            .add(GrpcMethod.unary(PATH, TEXTS, TEXTS, (context, name) -> "Hello " + name));
    Http2Protocol http2 = new Http2Protocol(Http2Settings.defaults(), service);
    HttpServer server =
        new EngineProvider()
            .withProtocols(List.of(http2))
            .createHttpServer(new InetSocketAddress("127.0.0.1", 0), 0);
    server.start();

    try (GrpcChannel channel = GrpcChannel.to("127.0.0.1", server.getAddress().getPort())) {
      Endpoint<String, String> sayHello = GrpcEndpoint.unary(channel, PATH, TEXTS, TEXTS);
      Context context = Context.background().withTimeout(Duration.ofSeconds(2));
      out.println(sayHello.call(context, "Ada"));
    } finally {
      server.stop(1);
    }
    // end of grpc
  }
}
