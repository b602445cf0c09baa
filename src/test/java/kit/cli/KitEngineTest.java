// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.http.Response;
import kit.http.server.AccessLog;
import kit.http.server.HttpService;
import kit.http.server.ServerSettings;
import kit.log.KeyValueLog;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Eventually;
import testing.RawClient;

@Timeout(30)
class KitEngineTest {
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final Metrics metrics = new Metrics();

  private HttpService serve() throws Exception {
    HttpService.Settings settings =
        HttpService.Settings.of("127.0.0.1", 0).withEngine(KitEngine.ENGINE);
    HttpService http = HttpService.bind(settings);
    http.onCompleted(new AccessLog(KeyValueLog.logfmt(lines::add)::log));
    new Instrumenting(metrics).serve(http);
    http.start((context, request) -> Response.of(200, "a/b", request.body(100)));
    return http;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET  / HTTP/1.1~Host: a~~           | 400 | malformed request line",
        "GET / HTTP/2.0~~                    | 505 | HTTP version is not 1",
        "OPTIONS * HTTP/1.1~Host: a~~        | 404 | no context for this path",
      })
  void rejectionIsInAccessLogAndMetrics(String sent, int status, String reason) throws Exception {
    try (HttpService http = serve();
        RawClient client = new RawClient(http.port())) {
      assertThat(client.send(sent.replace("~", "\r\n")).answer().status()).isEqualTo(status);

      assertThat(lines.poll(10, TimeUnit.SECONDS))
          .startsWith("method=OTHER route=- path=- status=" + status + " bytes=0 took_ms=0.000")
          .matches(".* remote=127\\.0\\.0\\.1:\\d+ request_id=- .*")
          .endsWith(" error=\"" + reason + '"');
      String series =
          "http_requests_total{method=\"OTHER\",route=\"-\",status=\"" + status + "\"} 1";
      Eventually.within(Duration.ofSeconds(10), () -> assertThat(metrics.text()).contains(series));
    }
  }

  @Test
  void timeLimitsThatAreLongerThanTheEnginesAreAccepted() throws Exception {
    Duration years = Duration.ofDays(4_000);
    HttpService.Settings settings =
        HttpService.Settings.of("127.0.0.1", 0)
            .withHeadTimeout(years)
            .withServer(new ServerSettings(years, years))
            .withEngine(KitEngine.ENGINE);
    try (HttpService http = HttpService.bind(settings)) {
      assertThat(http.engine()).isEqualTo("kit.engine");
    }
  }

  @Test
  void chunkedRequestKeepsItsConnection() throws Exception {
    try (HttpService http = serve();
        RawClient client = new RawClient(http.port())) {
      for (int i = 0; i < 2; i++) {
        client.request("POST", "/", "Transfer-Encoding: chunked").send("2\r\nab\r\n0\r\n\r\n");
        RawClient.Answer answer = client.answer();
        assertThat(answer.body()).isEqualTo("ab");
        assertThat(answer.header("Connection")).isNull();
      }
    }
  }
}
