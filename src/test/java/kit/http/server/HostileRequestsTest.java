// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import kit.Endpoint;
import kit.http.Decoders;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.MethodSource;
import testing.Engine;
import testing.ForkedJvm;
import testing.Notation;
import testing.RawClient;
import testing.RawClient.Answer;

/**
 * Sends the requests in the tables of {@code requests.md}, byte for byte, and compares the responses
 * with the tables. The server runs in a JVM of its own, with three seconds for a request to arrive.
 */
@Timeout(120)
class HostileRequestsTest {
  private static final Path TABLES = Path.of("src/test/resources/kit/http/server/requests.md");
  // Most get a response at once, some wait for the timeout.
  private static final int AT_A_TIME = 16;
  private static final String OUTCOME = "(\\d{3} ?)*(open|closed)";
  private static final String SENTINEL = "GET /sentinel HTTP/1.1\r\nHost: sentinel\r\n\r\n";

  /** One row: the request, its permitted outcomes, the component that decides, the standard. */
  record Row(String sent, List<String> outcomes, String by, String source, int line) {
    @Override
    public String toString() {
      return TABLES + ":" + line + ": " + sent;
    }
  }

  /** The statuses, the state of the connection, and the component that sent the last response. */
  record Outcome(String text, String by) {}

  private static final Map<Row, Future<Outcome>> OUTCOMES = new HashMap<>();

  /** What a body of JSON is read as. */
  record User(int uid) {}

  /** The service that the requests are sent to. */
  static final class Service {
    public static void main(String... args) throws Exception {
      Endpoint<Request, Response> ok = (context, request) -> Response.text(200, "fine");
      Router<Endpoint<Request, Response>> router =
          new Router<Endpoint<Request, Response>>()
              .route("GET", "/ok", ok)
              .routeAny("/any", (context, request) -> Response.text(200, request.method()))
              .route("GET", "/user/{uid:\\d+}", ok)
              .route("DELETE", "/user/{uid:\\d+}", (context, request) -> Response.empty(204))
              .route(
                  "POST", "/body", (context, request) -> Response.of(200, "a/b", request.body(100)))
              .route(
                  "POST",
                  "/json",
                  new EndpointHandler<User, User>(
                      Decoders.json(User.class, 1_000), (context, user) -> user, Encoders.json()))
              .route("GET", "/sentinel", (context, request) -> Response.text(200, "sentinel"));
      HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
      http.start(new RoutingHandler(router));
      System.out.println(http.port());
    }
  }

  @BeforeAll
  static void sendAll() throws Exception {
    List<String> options =
        List.of("-D" + Engine.NAME + ".maxReqTime=3", "-D" + Engine.NAME + ".clockTick=1000");
    ExecutorService clients = Executors.newFixedThreadPool(AT_A_TIME);
    try (ForkedJvm jvm = new ForkedJvm(Service.class, options)) {
      int port = Integer.parseInt(jvm.line());
      try (RawClient first = new RawClient(port)) { // Takes long, and no row should have to wait.
        first.send(SENTINEL).answer();
      }
      for (Row row : rows()) {
        OUTCOMES.put(row, clients.submit(() -> send(port, row)));
      }
      for (Future<Outcome> outcome : OUTCOMES.values()) {
        outcome.get();
      }
    } finally {
      clients.shutdownNow();
    }
  }

  static List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    List<String> lines = Files.readAllLines(TABLES);
    for (int i = 0; i < lines.size(); i++) {
      String[] cells = Notation.cells(lines.get(i));
      if (cells.length == 6 && cells[1].strip().startsWith("`")) {
        rows.add(
            new Row(
                Notation.sent(cells[1]),
                List.of(cells[2].strip().split(" or ")),
                cells[3].strip(),
                cells[4].strip(),
                i + 1));
      }
    }
    return rows;
  }

  /** What an engine makes of some rows: what is sent, and what comes of it. */
  private static Map<String, String> differences(Engine engine) throws IOException {
    Map<String, String> differences = new LinkedHashMap<>();
    String column = "";
    for (String line : Files.readAllLines(TABLES)) {
      String[] cells = Notation.cells(line);
      if (cells.length != 5) {
        continue;
      }
      String cell = cells[3].strip();
      if (!cells[1].strip().startsWith("`")) {
        column = cells[1].isBlank() || cell.startsWith("-") ? column : cell;
      } else if (column.equalsIgnoreCase(engine.name()) && cell.matches(OUTCOME + "|hanging")) {
        differences.put(Notation.sent(cells[1]), cell);
      }
    }
    return differences;
  }

  @ParameterizedTest
  @EnumSource(value = Engine.class, mode = Mode.EXCLUDE, names = "JDK")
  void differencesOfAnotherEngineAreOfRowsThatExist(Engine engine) throws Exception {
    assertThat(differences(engine)).isNotEmpty();
    assertThat(rows()).extracting(Row::sent).containsAll(differences(engine).keySet());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("rows")
  void outcomeEqualsTheTable(Row row) throws Exception {
    Outcome outcome = OUTCOMES.get(row).get();
    String different = differences(Engine.CURRENT).get(row.sent());
    if (different != null) {
      assertThat(outcome.text()).as(row.toString()).isEqualTo(different);
      return;
    }
    assertThat(row.outcomes()).as(row.toString()).contains(outcome.text());
    if (!row.by().equals("both") && Engine.CURRENT == Engine.JDK) {
      assertThat(outcome.by()).as("component that decides on %s", row).isEqualTo(row.by());
    }
  }

  @Test
  void tableIsLongAndEachRowCitesAStandard() throws Exception {
    assertThat(rows()).hasSizeGreaterThanOrEqualTo(120);
    assertThat(rows())
        .allSatisfy(
            row -> {
              assertThat(row.source()).matches("(RFC )?\\d{4}, \\d.*|JDK .*");
              assertThat(row.by()).isIn("kit", "JDK", "both");
              assertThat(row.outcomes())
                  .hasSizeBetween(1, 3)
                  .allMatch(outcome -> outcome.matches(OUTCOME));
            });
  }

  /** Sends the bytes, then reads; sends another request only if the connection is kept alive. */
  private static Outcome send(int port, Row row) throws IOException {
    StringBuilder statuses = new StringBuilder();
    String by = "JDK";
    try (RawClient client = new RawClient(port)) {
      client.send(Notation.bytes(row.sent()));
      boolean hasAskedForMore = row.sent().endsWith(Notation.END);
      if (hasAskedForMore) {
        client.endOfRequests();
      }
      while (true) {
        Answer answer =
            row.sent().startsWith("HEAD") && !hasAskedForMore ? client.head() : client.answer();
        if (answer.body().equals("sentinel")) {
          return new Outcome(statuses + "open", by);
        }
        statuses.append(answer.status()).append(' ');
        by = answer.header("X-Request-Id") == null ? "JDK" : "kit";
        if ("close".equals(answer.header("Connection"))) {
          return new Outcome(statuses + (client.isClosed() ? "closed" : "more"), by);
        }
        if (!hasAskedForMore && answer.status() != 100) {
          client.send(SENTINEL);
          hasAskedForMore = true;
        }
      }
    } catch (EOFException | SocketException e) {
      return new Outcome(statuses + "closed", by);
    } catch (java.net.SocketTimeoutException e) {
      return new Outcome(statuses + "hanging", by);
    }
  }
}
