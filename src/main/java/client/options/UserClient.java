// SPDX-License-Identifier: Apache-2.0
package client.options;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import kit.Context;
import kit.Endpoint;
import kit.http.Json;
import kit.http.client.HttpEndpoint;
import kit.http.jsonrpc.JsonRpcEndpoint;

/**
 * Client of the user service over HTTP or JSON-RPC.
 *
 * <p>It shares no code with the service, only the wire format. All calls to an instance use one endpoint,
 * so that they share its circuit breaker and its load.
 */
final class UserClient {
  private UserClient() {}

  /** Returns the endpoint of the user service at {@code base}. */
  static HttpEndpoint<UserCall, String> at(URI base, HttpClient http) {
    return new HttpEndpoint<>(http, base, UserClient::encode, UserClient::decode);
  }

  /** Returns the same over JSON-RPC; {@code before} adds to each request. */
  static Endpoint<UserCall, String> rpcAt(URI base, HttpClient http, HttpEndpoint.Before before) {
    URI uri = base.resolve("/rpc");
    HttpEndpoint<Map<String, ?>, UserResult> get =
        JsonRpcEndpoint.<Map<String, ?>, UserResult>of(http, uri, "user.get", UserResult.class)
            .before(before);
    HttpEndpoint<Map<String, ?>, UserResult> delete =
        JsonRpcEndpoint.<Map<String, ?>, UserResult>of(http, uri, "user.delete", UserResult.class)
            .before(before);
    return (context, call) ->
        (call.method().equals("GET") ? get : delete)
            .call(context, Map.of("uid", number(call.uid())))
            .result();
  }

  private static Object number(String uid) {
    try {
      return Long.valueOf(uid);
    } catch (NumberFormatException e) {
      return uid; // The service rejects it.
    }
  }

  private static HttpRequest.Builder encode(Context context, URI base, UserCall call) {
    String uid = URLEncoder.encode(call.uid(), StandardCharsets.UTF_8).replace("+", "%20");
    return HttpRequest.newBuilder(base.resolve("/user/" + uid))
        .method(call.method(), BodyPublishers.noBody());
  }

  private static String decode(Context context, HttpResponse<byte[]> response) throws IOException {
    return Json.read(response.body(), UserResult.class).result();
  }

  private record UserResult(String result) {
    UserResult {
      requireNonNull(result, "result");
    }
  }
}
