// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import kit.Context;
import kit.PeerException;

/** A program that calls each address given and prints the outcome; see HttpEndpointTest. */
final class ForkedCalls {
  public static void main(String... bases) throws Exception {
    HttpClient http = HttpEndpoint.newClient();
    for (String base : bases) {
      HttpEndpoint<Integer, Integer> endpoint =
          new HttpEndpoint<>(
              http,
              URI.create(base),
              (context, uri, request) -> HttpRequest.newBuilder(uri),
              (context, response) -> response.body().length);
      try {
        System.out.println(endpoint.call(Context.background(), 7));
      } catch (PeerException e) {
        System.out.println(e.kind() + " " + e.detail());
      }
    }
  }
}
