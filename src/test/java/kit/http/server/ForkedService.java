// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import kit.Context;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.Response;
import kit.http.jsonrpc.JsonRpc;

/** A program that serves until its input ends; see ServerSettingsTest and HttpServiceLogTest. */
final class ForkedService {
  private static final JsonRpc RPC =
      new JsonRpc()
          .method(
              "bug",
              Map.class,
              (context, nothing) -> {
                throw new IllegalStateException("two\nlines");
              })
          .method(
              "refusal",
              Map.class,
              (context, nothing) -> {
                throw new StatusException(503, "busy");
              })
          .method(
              "own",
              Map.class,
              (context, nothing) -> {
                throw new JsonRpc.ErrorException(1000, "no funds");
              });

  public static void main(String... args) throws Exception {
    int seconds = args.length == 0 ? 1 : Integer.parseInt(args[0]); // For a response.
    ServerSettings limits = new ServerSettings(Duration.ofSeconds(30), Duration.ofSeconds(seconds));
    HttpService.Settings settings = HttpService.Settings.of("127.0.0.1", 0).withServer(limits);
    try (HttpService http = HttpService.bind(settings)) {
      http.before(
          (context, request) -> {
            String trace = request.header("X-Trace");
            return trace == null ? context : context.with(RequestId.TRACE_ID, trace);
          });
      http.start(ForkedService::answer);
      System.out.println(http.port());
      while (System.in.read() >= 0) {
        // Until the test has seen enough.
      }
    }
  }

  private static Response answer(Context context, Request request) throws Exception {
    switch (request.target().rawPath()) {
      case "/ok" -> {
        return Response.text(200, "fine");
      }
      case "/empty" -> {
        return Response.empty(204);
      }
      case "/body" -> {
        return Response.of(200, "a/b", request.body(100));
      }
      case "/never" -> {
        new CountDownLatch(1).await();
        return Response.empty(204);
      }
      case "/rpc" -> {
        return RPC.call(context, request);
      }
      case "/bug" -> throw new IllegalStateException("two\nlines", new IOException("hidden"));
      case "/cause" -> throw new StatusException(500, "public", new IOException("disk full"));
      case "/busy" -> throw new StatusException(503, "busy");
      case "/endless" -> {
        return Response.streaming(
            200,
            "a/b",
            -1,
            out -> {
              while (true) {
                out.write('x');
                out.flush();
              }
            });
      }
      case "/stream" -> {
        return Response.streaming(
            200,
            "a/b",
            -1,
            out -> {
              throw new IOException("file gone");
            });
      }
      default -> throw new StatusException(404, "no such path");
    }
  }
}
