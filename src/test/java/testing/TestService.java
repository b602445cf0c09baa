// SPDX-License-Identifier: Apache-2.0
package testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.Endpoint;
import kit.http.Request;
import kit.http.RequestSummary;
import kit.http.Response;
import kit.http.server.HttpService;

/** A service on a free port with clients that see the wire; all closed together. */
public final class TestService implements AutoCloseable {
  private final BlockingQueue<RequestSummary> completed = new LinkedBlockingQueue<>();
  private final BlockingQueue<RawClient> clients = new LinkedBlockingQueue<>();
  private HttpService http;

  /** Serves {@code handler}, and on /ok something that works; returns a first client. */
  public RawClient serve(Endpoint<Request, Response> handler) throws IOException {
    return serve(HttpService.Settings.of("127.0.0.1", 0).withEngine(Engine.server()), handler);
  }

  public RawClient serve(HttpService.Settings settings, Endpoint<Request, Response> handler)
      throws IOException {
    http = HttpService.bind(settings).onCompleted(completed::add);
    http.start(
        (context, request) ->
            request.target().rawPath().equals("/ok")
                ? Response.text(200, "fine")
                : handler.call(context, request));
    return connect();
  }

  public HttpService service() {
    return http;
  }

  public RawClient connect() throws IOException {
    RawClient client = new RawClient(http.port());
    clients.add(client);
    return client;
  }

  /** Waits for what the service passes to its finalizers after the next request. */
  public RequestSummary nextCompleted() throws InterruptedException {
    RequestSummary next = completed.poll(5, TimeUnit.SECONDS);
    assertThat(next).as("completed").isNotNull();
    return next;
  }

  @Override
  public void close() {
    clients.forEach(RawClient::close);
    if (http != null) {
      http.close();
    }
  }
}
