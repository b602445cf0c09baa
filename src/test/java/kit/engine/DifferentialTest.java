// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import testing.Engine;
import testing.Eventually;
import testing.Notation;
import testing.RawClient;

/**
 * Sends the same bytes, whole, byte by byte and in random pieces, to the JDK's server and to the
 * engine: the requests of {@code requests.md} and mutated ones. Each difference is one of {@code
 * differences.md}. {@code -Dkit.fuzz=1000000} sets the number of mutated conversations, a twentieth
 * of it here.
 */
@Timeout(1800)
class DifferentialTest {
  private static final Path REQUESTS = Path.of("src/test/resources/kit/http/server/requests.md");
  private static final Path TABLE = Path.of("src/test/resources/kit/engine/differences.md");
  private static final int COUNT = Integer.getInteger("kit.fuzz", 20_000) / 20;
  private static final int CLIENTS = 8;
  private static final int MAX_CONNECTIONS = 4 * CLIENTS;
  private static final int LONG_BYTES = 4096; // More is not sent byte by byte.
  private static final EngineSettings SETTINGS =
      EngineSettings.defaults().withMaxConnections(MAX_CONNECTIONS);

  private final ErrorLog errors = new ErrorLog();
  private final ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
  private final List<ExecutorService> executors = new ArrayList<>();
  private HttpServer jdk;
  private HttpServer kit;

  /** A line of the table. */
  record Row(String difference, String sent, String jdk, String kit) {}

  @BeforeEach
  void start() throws IOException {
    assertThat(Engine.CURRENT).isEqualTo(Engine.JDK);
    jdk = start(HttpServerProvider.provider());
    kit = start(new EngineProvider(SETTINGS));
  }

  private HttpServer start(HttpServerProvider provider) throws IOException {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpServer server = provider.createHttpServer(anyPort, 0);
    server.createContext("/", new EchoHandler());
    executors.add(Threads.newExecutor(64));
    server.setExecutor(executors.get(executors.size() - 1));
    server.start();
    return server;
  }

  @AfterEach
  void stop() {
    jdk.stop(0);
    kit.stop(0);
    executors.forEach(ExecutorService::shutdownNow);
    clients.shutdownNow();
    errors.close();
  }

  static List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(TABLE)) {
      String[] cells = Notation.cells(line);
      if (cells.length == 7 && cells[2].strip().startsWith("`")) {
        String sent = Notation.sent(cells[2]);
        rows.add(new Row(cells[1].strip(), sent, cells[3].strip(), cells[4].strip()));
      }
    }
    return rows;
  }

  @ParameterizedTest
  @MethodSource("rows")
  void answersEqualTheTable(Row row) throws Exception {
    List<String> theirs = answers(jdk, withSentinel(row.sent()));
    List<String> ours = answers(kit, withSentinel(row.sent()));
    Set<Difference> differences = Difference.between(theirs, ours);
    assertThat(shown(ours)).isEqualTo(row.kit());
    if (shown(theirs).equals(row.jdk())) {
      assertThat(differences).extracting(Difference::label).containsExactly(row.difference());
    } else { // A newer JDK, or one with other limits.
      assertThat(differences).isSubsetOf(Difference.OTHER_REJECTION);
    }
  }

  @Test
  void tableHasAllDifferences() throws Exception {
    List<String> labels =
        Arrays.stream(Difference.values())
            .filter(each -> each != Difference.UNKNOWN)
            .map(Difference::label)
            .toList();
    assertThat(rows()).extracting(Row::difference).hasSameElementsAs(labels);
  }

  @Test
  void requestsOfTheTablesHaveTheSameAnswers() throws Exception {
    List<String> conversations = new ArrayList<>();
    for (String line : Files.readAllLines(REQUESTS)) {
      String[] cells = Notation.cells(line);
      if (cells.length == 6 && cells[1].strip().startsWith("`")) {
        conversations.add(withSentinel(Notation.sent(cells[1])));
      }
    }
    assertThat(conversations).hasSizeGreaterThan(200);
    compareAll(conversations);
  }

  @Test
  void mutatedRequestsHaveTheSameAnswers() throws Exception {
    Mutations mutations = new Mutations(2);
    compareAll(Stream.generate(mutations::next).limit(COUNT).toList());
  }

  /** Returns the bytes, and one more request if none of them belong to another one. */
  private static String withSentinel(String sent) {
    boolean isOpen = !sent.endsWith("…") && !sent.endsWith(Notation.END);
    return Notation.bytes(sent) + (isOpen ? Mutations.SENTINEL : "");
  }

  private static List<String> answers(HttpServer server, String sent) throws IOException {
    return RawConversation.answers(server.getAddress().getPort(), sent, most -> most);
  }

  /** Returns answers as the tables show them. */
  private static String shown(List<String> answers) {
    StringBuilder text = new StringBuilder();
    for (String answer : answers) {
      if (answer.startsWith("GET /sentinel")) {
        return text + "open";
      }
      text.append(EchoHandler.isEcho(answer) ? "200" : answer).append(' ');
    }
    return text + "closed";
  }

  private void compareAll(List<String> conversations) throws Exception {
    List<Future<?>> comparisons = new ArrayList<>();
    for (String sent : conversations) {
      comparisons.add(clients.submit(() -> compare(sent)));
    }
    for (Future<?> comparison : comparisons) {
      comparison.get();
    }
    assertThat(errors.texts()).isEmpty();
    Eventually.within(Duration.ofSeconds(10), this::requireNoLostConnections);
  }

  private Void compare(String sent) throws IOException {
    List<String> theirs = answers(jdk, sent);
    List<String> ours = answers(kit, sent);
    Set<Difference> differences = Difference.between(theirs, ours);
    assertThat(differences)
        .as("%s%n---- JDK: %s%n---- kit: %s", sent, theirs, ours)
        .doesNotContain(Difference.UNKNOWN);

    Reference reference = new Reference(sent, SETTINGS);
    int expected = reference.echoes().size();
    assertThat(ours).as(sent).hasSizeBetween(expected, expected + (reference.isComplete() ? 0 : 1));
    assertThat(ours.subList(0, expected)).as(sent).isEqualTo(reference.echoes());

    Random random = new Random(sent.hashCode());
    for (HttpServer server : List.of(jdk, kit)) {
      int port = server.getAddress().getPort();
      List<String> whole = server == jdk ? theirs : ours;
      assertThat(RawConversation.answers(port, sent, most -> 1 + random.nextInt(20 + most / 4)))
          .as("in pieces: %s", sent)
          .isEqualTo(whole);
      if (sent.length() < LONG_BYTES) {
        assertThat(RawConversation.answers(port, sent, most -> 1))
            .as("byte by byte: %s", sent)
            .isEqualTo(whole);
      }
    }
    return null;
  }

  /** The engine serves as many connections at a time as at the start. */
  private void requireNoLostConnections() throws IOException {
    List<RawClient> all = new ArrayList<>();
    try {
      for (int i = 0; i < MAX_CONNECTIONS; i++) {
        all.add(new RawClient(kit.getAddress().getPort()));
      }
      for (RawClient client : all) {
        assertThat(client.request("GET", "/").answer().status()).isEqualTo(200);
      }
    } finally {
      all.forEach(RawClient::close);
    }
  }
}
