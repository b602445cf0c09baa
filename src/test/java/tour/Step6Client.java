// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.http.Json;
import kit.http.client.HttpEndpoint;

/** An HTTP client: a remote operation is an endpoint, too. */
public final class Step6Client {
  private Step6Client() {}

  /** Calls the service at the address in {@code args}. */
  public static void main(String... args) throws Exception {
    call(URI.create(args[0]), System.out);
  }

  // docs: client
  record Name(String result) {} // The client's own class, not the service's.

  static void call(URI service, PrintStream out) throws Exception {
    HttpClient http = HttpEndpoint.newClient();
    Endpoint<Integer, String> getName =
        new HttpEndpoint<>(
            http,
            service,
            (context, base, uid) -> HttpRequest.newBuilder(base.resolve("/user/" + uid)),
            (context, response) -> Json.read(response.body(), Name.class).result());
    Endpoint<Integer, String> deleteUser =
        new HttpEndpoint<>(
            http,
            service,
            (context, base, uid) -> HttpRequest.newBuilder(base.resolve("/user/" + uid)).DELETE(),
            (context, response) -> Json.read(response.body(), Name.class).result());

    Context context = Context.background().withTimeout(Duration.ofSeconds(5));
    out.println("101 is " + getName.call(context, 101));
    out.println("7 is " + getName.call(context, 7));
    out.println(deleteUser.call(context, 7));
    // end of client

    // docs: failures
    try {
      deleteUser.call(context, 101);
    } catch (PeerException e) {
      out.println(e.kind() + " " + e.status() + " " + e.detail());
    }

    try {
      getName.call(context.withTimeout(Duration.ZERO), 101);
    } catch (PeerException e) {
      out.println(e.kind());
    }
    // end of failures
  }
}
