// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.Endpoint;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.log.KeyValueLog;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Engine;
import testing.LogfmtReader;
import testing.RawClient;

/** The access log of a real service. */
@Timeout(30)
class AccessLogTest {
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private HttpService http;
  private RawClient client;

  private void serve(KeyValueLog log) throws IOException {
    http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0).withEngine(Engine.server()));
    http.onCompleted(new AccessLog(log::log));
    http.before((context, request) -> context.with(RequestId.TRACE_ID, "4bf92f35"));
    http.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route("GET", "/user/{uid}", (context, request) -> Response.text(200, "jerry"))
                .route(
                    "DELETE",
                    "/user/{uid}",
                    (context, request) -> {
                      throw new StatusException(403, "not " + request.variable("uid"));
                    })
                .route(
                    "GET",
                    "/broken",
                    (context, request) -> {
                      throw new IllegalStateException("no\ndisk");
                    })));
    client = new RawClient(http.port());
  }

  @AfterEach
  void stop() {
    client.close();
    http.close();
  }

  private String line() throws InterruptedException {
    String line = lines.poll(10, TimeUnit.SECONDS);
    assertThat(line).as("line in the access log").isNotNull();
    return line;
  }

  @Test
  void requestIsOneLineWithAllFields() throws Exception {
    serve(KeyValueLog.logfmt(lines::add));
    client
        .send("GET /user/7?token=secret HTTP/1.1\r\nHost: h\r\nX-Request-Id: r1\r\n\r\n")
        .answer();

    assertThat(line())
        .matches(
            "method=GET route=/user/\\{uid} path=/user/7 status=200 bytes=5 took_ms=\\d+\\.\\d{3}"
                + " remote=127\\.0\\.0\\.1:\\d+ request_id=r1 trace_id=4bf92f35");
  }

  @Test
  void rejectionHasItsReason() throws Exception {
    serve(KeyValueLog.logfmt(lines::add));
    client.send("DELETE /user/7 HTTP/1.1\r\nHost: h\r\n\r\n").answer();
    assertThat(line()).contains(" status=403 ").endsWith(" error=\"not 7\"");

    client.send("GET /no/such HTTP/1.1\r\nHost: h\r\n\r\n").answer();
    assertThat(line()).contains(" route=- path=/no/such status=404 ");
  }

  @Test
  void faultIsNamedOnOneLine() throws Exception {
    serve(KeyValueLog.logfmt(lines::add));
    client.send("GET /broken HTTP/1.1\r\nHost: h\r\n\r\n").answer();

    assertThat(line())
        .contains(" status=500 ")
        .endsWith(" error=\"java.lang.IllegalStateException: no\\ndisk\"");
  }

  @Test
  void requestRejectedBeforeTheHandlerIsLoggedToo() throws Exception {
    serve(KeyValueLog.logfmt(lines::add));
    client.send("GET /user/7 HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n").answer();

    assertThat(line())
        .startsWith("method=GET route=- path=/user/7 status=417 ")
        .contains(" error=");
  }

  // What the JDK's server accepts: it rejects a path with raw control characters by itself.
  private static final String HOSTILE_PATH = "/user/%0d%0alevel=info%20msg=%22%1b%5b2J";
  private static final String HOSTILE =
      "DELETE "
          + HOSTILE_PATH
          + "?x=1 HTTP/1.1\r\n"
          + "Host: h\r\n"
          + "X-Request-Id: \"} \u001b[31m x=1\r\n"
          + "User-Agent: \"quoted\" \\ = \u009b\r\n\r\n";

  // Our engine rejects the request before it has parsed the path.
  private static final String LOGGED_PATH = Engine.isKit() ? "-" : HOSTILE_PATH;

  @Test
  void hostileRequestStaysOneLineOfLogfmtAndReadsBack() throws Exception {
    serve(KeyValueLog.logfmt(lines::add));
    client.send(HOSTILE).answer();
    String line = line();

    assertThat(line).matches("[\\x20-\\x7e]+");
    Map<String, String> event = LogfmtReader.read(line);
    assertThat(event).containsEntry("path", LOGGED_PATH).containsEntry("status", "400");
    assertThat(event.get("request_id")).matches(Engine.isKit() ? "-" : "[0-9a-f]{16}");
    assertThat(event.keySet())
        .containsExactly(
            "method",
            "route",
            "path",
            "status",
            "bytes",
            "took_ms",
            "remote",
            "request_id",
            "error");
  }

  @Test
  void hostileRequestStaysOneLineOfJsonAndReadsBack() throws Exception {
    serve(KeyValueLog.json(lines::add));
    client.send(HOSTILE).answer();
    String line = line();

    assertThat(line).matches("[\\x20-\\x7e]+");
    JsonNode event = new ObjectMapper().readTree(line);
    assertThat(event.get("path").textValue()).isEqualTo(LOGGED_PATH);
    assertThat(event.get("took_ms").isNumber()).isTrue();
    assertThat(event.get("status").intValue()).isEqualTo(400);
    assertThat(event).hasSize(9);
  }

  @Test
  void hostileTextInAnErrorIsEscaped() throws Exception {
    serve(KeyValueLog.logfmt(lines::add));
    client.send("DELETE /user/%22%20level=error%20=%e2%80%ae HTTP/1.1\r\nHost: h\r\n\r\n").answer();
    String line = line();

    assertThat(line).matches("[\\x20-\\x7e]+");
    assertThat(LogfmtReader.read(line))
        .containsEntry("status", "403")
        .containsEntry("error", "not \" level=error =\u202e");
  }
}
