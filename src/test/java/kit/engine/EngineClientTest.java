// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the client writes and reads, with all publishers and handlers of the JDK. */
@Timeout(60)
class EngineClientTest {
  private static final int LONG = 300_000;

  private final EngineClient client = EngineClient.create();
  private HttpServer server;
  private URI echo;

  @BeforeEach
  void serve() throws IOException {
    server =
        new EngineProvider()
            .createHttpServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/echo",
        exchange -> {
          boolean isChunked = exchange.getRequestURI().getPath().endsWith("chunked");
          byte[] body = exchange.getRequestBody().readAllBytes();
          long length = body.length == 0 ? -1 : body.length;
          exchange.sendResponseHeaders(200, isChunked ? 0 : length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    echo = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/echo/");
  }

  @AfterEach
  void stop() {
    client.close();
    server.stop(0);
  }

  private static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) ('a' + i % 26);
    }
    return bytes;
  }

  private static Stream<BodyPublisher> publishers(byte[] bytes, Path file) throws IOException {
    Files.write(file, bytes);
    int half = bytes.length / 2;
    List<byte[]> halves = List.of(copy(bytes, 0, half), copy(bytes, half, bytes.length));
    return Stream.of(
        BodyPublishers.ofByteArray(bytes),
        BodyPublishers.ofString(new String(bytes, UTF_8)),
        BodyPublishers.ofByteArrays(halves),
        BodyPublishers.ofFile(file),
        BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes)),
        BodyPublishers.fromPublisher(BodyPublishers.ofByteArrays(halves)),
        BodyPublishers.fromPublisher(BodyPublishers.ofByteArrays(halves), bytes.length),
        BodyPublishers.fromPublisher(onOtherThreads(halves)),
        BodyPublishers.fromPublisher(onOtherThreads(halves), bytes.length),
        BodyPublishers.concat(
            BodyPublishers.ofByteArray(halves.get(0)), BodyPublishers.ofByteArray(halves.get(1))));
  }

  private static byte[] copy(byte[] bytes, int from, int to) {
    return Arrays.copyOfRange(bytes, from, to);
  }

  private static Flow.Publisher<ByteBuffer> onOtherThreads(List<byte[]> pieces) {
    return subscriber -> {
      SubmissionPublisher<ByteBuffer> publisher = new SubmissionPublisher<>();
      publisher.subscribe(subscriber);
      pieces.forEach(piece -> publisher.submit(ByteBuffer.wrap(piece).asReadOnlyBuffer()));
      publisher.close();
    };
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 8_000, 16_384, LONG})
  void publishersOfTheJdkAreSent(int length, @TempDir Path folder) throws Exception {
    byte[] sent = bytes(length);
    for (BodyPublisher publisher : publishers(sent, folder.resolve("body")).toList()) {
      HttpRequest request = HttpRequest.newBuilder(echo).POST(publisher).build();
      assertThat(client.send(request, BodyHandlers.ofByteArray()).body()).isEqualTo(sent);
    }
  }

  @ParameterizedTest
  @CsvSource({"3, length", "3, chunked", "300000, length", "300000, chunked", "0, length"})
  void handlersOfTheJdkAreFed(int length, String framing, @TempDir Path folder) throws Exception {
    String text = new String(bytes(length), UTF_8);
    HttpRequest request =
        HttpRequest.newBuilder(echo.resolve(framing)).POST(BodyPublishers.ofString(text)).build();
    assertThat(client.send(request, BodyHandlers.ofString()).body()).isEqualTo(text);
    assertThat(client.send(request, BodyHandlers.ofByteArray()).body()).hasSize(length);
    Path file = folder.resolve("received");
    assertThat(client.send(request, BodyHandlers.ofFile(file)).body()).hasContent(text);
    assertThat(client.send(request, BodyHandlers.replacing("same")).body()).isEqualTo("same");
    assertThat(client.send(request, BodyHandlers.discarding()).statusCode()).isEqualTo(200);
    assertThat(client.send(request, BodyHandlers.ofLines()).body().toList())
        .isEqualTo(text.lines().toList());
    try (InputStream in = client.send(request, BodyHandlers.ofInputStream()).body()) {
      assertThat(new String(in.readAllBytes(), UTF_8)).isEqualTo(text);
    }
    ByteArrayOutputStream consumed = new ByteArrayOutputStream();
    client.send(
        request,
        BodyHandlers.ofByteArrayConsumer(piece -> consumed.writeBytes(piece.orElse(new byte[0]))));
    assertThat(consumed.toString(UTF_8)).isEqualTo(text);
    assertThat(client.send(request, BodyHandlers.buffering(BodyHandlers.ofString(), 1000)).body())
        .isEqualTo(text);
    assertThat(collected(client.send(request, BodyHandlers.ofPublisher()).body())).isEqualTo(text);
    Lines lines = new Lines();
    client.send(request, BodyHandlers.fromLineSubscriber(lines));
    assertThat(lines.all).isEqualTo(text.lines().toList());
  }

  private static String collected(Flow.Publisher<List<ByteBuffer>> publisher) {
    HttpResponse.BodySubscriber<String> all = HttpResponse.BodySubscribers.ofString(UTF_8);
    publisher.subscribe(all);
    return all.getBody().toCompletableFuture().join();
  }

  private static final class Lines implements Flow.Subscriber<String> {
    private final List<String> all = new ArrayList<>();

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(String line) {
      all.add(line);
    }

    @Override
    public void onError(Throwable failure) {
      all.add(failure.toString());
    }

    @Override
    public void onComplete() {}
  }

  @Test
  void bodyMayEndWithTheConnection() throws Exception {
    try (ScriptedServer raw =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write("HTTP/1.1 200 OK\r\n\r\nall of it");
            })) {
      HttpRequest request = HttpRequest.newBuilder(raw.uri()).build();
      assertThat(client.send(request, BodyHandlers.ofString()).body()).isEqualTo("all of it");
      assertThat(client.send(request, BodyHandlers.ofLines()).body().toList())
          .containsExactly("all of it");
    }
  }

  private String sent(HttpRequest.Builder builder) throws Exception {
    try (ScriptedServer raw =
        new ScriptedServer(
            peer -> {
              peer.event(peer.readHead());
              peer.write("HTTP/1.1 204 No Content\r\n\r\n");
              peer.awaitEnd();
            })) {
      client.send(builder.uri(at(raw, builder)).build(), BodyHandlers.discarding());
      return raw.events().take().replace(raw.uri().getAuthority(), "HOST");
    }
  }

  private static URI at(ScriptedServer raw, HttpRequest.Builder builder) {
    URI uri = builder.copy().build().uri();
    String query = uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery();
    return URI.create("http://" + raw.uri().getAuthority() + uri.getRawPath() + query);
  }

  private static HttpRequest.Builder to(String address) {
    return HttpRequest.newBuilder(URI.create(address));
  }

  @Test
  void headsAreWrittenAsTheyAreGiven() throws Exception {
    assertThat(sent(to("http://x"))).isEqualTo("GET / HTTP/1.1\r\nHost: HOST\r\n\r\n");
    assertThat(sent(to("http://x/a%20b?c=d&e").method("PATCH", BodyPublishers.noBody())))
        .isEqualTo("PATCH /a%20b?c=d&e HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n");
    assertThat(sent(to("http://x//%C3%BC/\u00fc?\u20ac").DELETE()))
        .startsWith("DELETE //%C3%BC/%C3%BC?%E2%82%AC HTTP/1.1\r\n");
    assertThat(sent(to("http://x/").header("X-Name", "M\u00fcller").header("x-name", "b")))
        .contains("X-Name: M\u00fcller\r\nX-Name: b\r\n");
    assertThat(sent(to("http://x/").header("Cookie", "a=1").header("Cookie", "b=2")))
        .contains("Cookie: a=1; b=2\r\n");
    assertThat(sent(to("http://x/").header("Transfer-Encoding", "gzip")))
        .doesNotContain("Transfer-Encoding");
    String value = "v".repeat(20_000);
    assertThat(sent(to("http://x/").header("Long", value))).contains("Long: " + value + "\r\n");
  }

  /** The JDK's builder makes no such request, but other subclasses may. */
  @ParameterizedTest
  @ValueSource(strings = {"a\r\nb: c", "5 \u20ac", "a\0b"})
  void valueThatCannotBeSentIsAnError(String value) {
    HttpRequest usual = HttpRequest.newBuilder(echo).build();
    HttpHeaders fields = HttpHeaders.of(Map.of("Price", List.of(value)), (n, v) -> true);
    assertThatThrownBy(() -> client.send(new WithFields(usual, fields), BodyHandlers.discarding()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Price");
  }

  private static final class WithFields extends HttpRequest {
    private final HttpRequest usual;
    private final HttpHeaders fields;

    WithFields(HttpRequest usual, HttpHeaders fields) {
      this.usual = usual;
      this.fields = fields;
    }

    @Override
    public Optional<BodyPublisher> bodyPublisher() {
      return usual.bodyPublisher();
    }

    @Override
    public String method() {
      return usual.method();
    }

    @Override
    public Optional<Duration> timeout() {
      return usual.timeout();
    }

    @Override
    public boolean expectContinue() {
      return usual.expectContinue();
    }

    @Override
    public URI uri() {
      return usual.uri();
    }

    @Override
    public Optional<HttpClient.Version> version() {
      return usual.version();
    }

    @Override
    public HttpHeaders headers() {
      return fields;
    }
  }

  @Test
  void responseHasItsFieldsInAnyCase() throws Exception {
    String head =
        "HTTP/1.1 299 \r\nX-A: M\u00fcller \r\nx-a:\t2\r\nEmpty:\r\nContent-Length: 2\r\n"
            + "content-length: 00000000000000000000000000002\r\n";
    try (ScriptedServer raw = ScriptedServer.answering(head + "\r\nok")) {
      HttpRequest request =
          HttpRequest.newBuilder(raw.uri()).version(HttpClient.Version.HTTP_2).build();
      HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
      assertThat(response.statusCode()).isEqualTo(299);
      assertThat(response.headers().allValues("X-a")).containsExactly("M\u00fcller", "2");
      assertThat(response.headers().firstValue("empty")).contains("");
      assertThat(response.body()).isEqualTo("ok");
      assertThat(response.version()).isEqualTo(HttpClient.Version.HTTP_1_1);
      assertThat(response.request()).isSameAs(request);
      assertThat(response.uri()).isEqualTo(raw.uri());
      assertThat(response.previousResponse()).isEmpty();
      assertThat(response.sslSession()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET 204", "GET 304", "HEAD 200"})
  void someResponsesHaveNoBodyWhateverTheySay(String row) throws Exception {
    String status = row.split(" ")[1];
    String head = "HTTP/1.1 " + status + " X\r\nContent-Length: 5\r\nTransfer-Encoding: y\r\n\r\n";
    try (ScriptedServer raw = ScriptedServer.answering(head)) {
      HttpRequest request =
          HttpRequest.newBuilder(raw.uri())
              .method(row.split(" ")[0], BodyPublishers.noBody())
              .build();
      for (int i = 0; i < 2; i++) {
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        assertThat(response.body()).isEmpty();
        assertThat(response.headers().firstValueAsLong("Content-Length")).hasValue(5);
      }
      assertThat(raw.accepted()).isEqualTo(1);
    }
  }

  @Test
  void sendAsyncRunsOnTheExecutorThatWasGiven() throws Exception {
    List<Runnable> tasks = new ArrayList<>();
    EngineClientSettings settings = EngineClientSettings.defaults().withExecutor(tasks::add);
    EngineClient other = new EngineClient(settings);
    HttpRequest request = HttpRequest.newBuilder(echo).build();
    CompletableFuture<HttpResponse<String>> future =
        other.sendAsync(request, BodyHandlers.ofString());
    assertThat(future).isNotDone();
    tasks.get(0).run();
    assertThat(future.get().statusCode()).isEqualTo(200);
    assertThat(other.executor()).isPresent();
    other.close();
  }

  @Test
  void sendAsyncNeedsNoExecutor() {
    HttpRequest request =
        HttpRequest.newBuilder(echo).POST(BodyPublishers.ofString("async")).build();
    List<CompletableFuture<String>> all =
        Stream.generate(() -> client.sendAsync(request, BodyHandlers.ofString(), null))
            .limit(50)
            .map(future -> future.thenApply(HttpResponse::body))
            .toList();
    assertThat(all).extracting(CompletableFuture::join).containsOnly("async");
  }

  @Test
  void failuresOfCallbacksAreThrown() throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(echo).POST(BodyPublishers.ofString("body")).build();
    assertThatThrownBy(
            () ->
                client.send(
                    request,
                    BodyHandlers.ofByteArrayConsumer(
                        piece -> {
                          throw new IllegalStateException("of the consumer");
                        })))
        .isInstanceOf(IOException.class)
        .hasRootCauseInstanceOf(IllegalStateException.class);
    HttpRequest broken =
        HttpRequest.newBuilder(echo).POST(BodyPublishers.ofInputStream(() -> null)).build();
    assertThatThrownBy(() -> client.send(broken, BodyHandlers.discarding()))
        .isInstanceOf(IOException.class);
  }

  @ParameterizedTest
  @CsvSource({"5, shorter", "3, longer"})
  void bodyOfAnotherLengthIsAnError(long announced, String problem) throws Exception {
    BodyPublisher four = BodyPublishers.ofString("four");
    HttpRequest request =
        HttpRequest.newBuilder(echo).POST(BodyPublishers.fromPublisher(four, announced)).build();
    assertThatThrownBy(() -> client.send(request, BodyHandlers.discarding()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(problem);
    BodyPublisher late = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes(LONG)));
    HttpRequest second =
        HttpRequest.newBuilder(echo)
            .POST(BodyPublishers.fromPublisher(late, LONG - 4 + announced))
            .build();
    assertThatThrownBy(() -> client.send(second, BodyHandlers.discarding()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(problem);
  }

  @Test
  void tellsWhatItDoesNotDo() {
    assertThat(client.followRedirects()).isEqualTo(HttpClient.Redirect.NEVER);
    assertThat(client.version()).isEqualTo(HttpClient.Version.HTTP_1_1);
    assertThat(client.connectTimeout()).contains(Duration.ofSeconds(5));
    assertThat(List.<Optional<?>>of(client.cookieHandler(), client.proxy(), client.authenticator()))
        .containsOnly(Optional.empty());
    assertThat(client.sslParameters().getProtocols()).contains("TLSv1.3");
    assertThatThrownBy(client::newWebSocketBuilder)
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void unknownHostAndRefusedConnectionAreFailuresToConnect() throws Exception {
    HttpRequest unknown = to("http://unknown.invalid/").build();
    assertThatThrownBy(() -> client.send(unknown, BodyHandlers.discarding()))
        .isInstanceOf(ConnectException.class)
        .hasMessage("unknown host");
    server.stop(0);
    HttpRequest refused = HttpRequest.newBuilder(echo).build();
    assertThatThrownBy(() -> client.send(refused, BodyHandlers.discarding()))
        .isInstanceOf(ConnectException.class);
  }

  @Test
  void bytesOfHeadersAreNotDecoded() throws Exception {
    String name = new String("\u00fc".getBytes(UTF_8), ISO_8859_1);
    try (ScriptedServer raw =
        ScriptedServer.answering("HTTP/1.1 204 x\r\nX-Name: " + name + "\r\n\r\n")) {
      HttpRequest request = HttpRequest.newBuilder(raw.uri()).build();
      HttpResponse<Void> response = client.send(request, BodyHandlers.discarding());
      assertThat(response.headers().firstValue("x-name")).contains(name);
    }
  }
}
