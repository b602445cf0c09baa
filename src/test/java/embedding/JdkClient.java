// SPDX-License-Identifier: Apache-2.0
package embedding;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** A program as the documentation of {@code java.net.http} describes them; it notes what it sees. */
final class JdkClient {
  private final HttpClient client;
  private final URI server;
  private final Path folder;
  private final List<String> notes = new ArrayList<>();

  private JdkClient(HttpClient client, URI server, Path folder) {
    this.client = client;
    this.server = server;
    this.folder = folder;
  }

  /** Runs the program against {@link JdkClientTest}'s server; {@code folder} is for its files. */
  static List<String> run(HttpClient client, URI server, Path folder) throws Exception {
    JdkClient program = new JdkClient(client, server, folder);
    program.synchronously();
    program.asynchronously();
    program.uploads();
    program.downloads();
    program.failures();
    return program.notes;
  }

  private void note(Object... words) {
    notes.add(String.join(" ", Stream.of(words).map(String::valueOf).toList()));
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(server.resolve(path));
  }

  private void synchronously() throws Exception {
    HttpRequest get = request("/echo?a=%20b").header("X-Test", "x").build();
    HttpResponse<String> response = client.send(get, BodyHandlers.ofString());
    note(response.statusCode(), response.version(), response.body());
    note(response.headers().firstValue("x-NUMBER").isPresent(), response.uri().equals(get.uri()));
    note(response.request().equals(get), response.previousResponse(), response.sslSession());

    note(text(request("/echo").POST(BodyPublishers.ofString("hello"))));
    note(text(request("/echo").PUT(BodyPublishers.ofByteArray(new byte[] {65, 66, 67}, 1, 2))));
    note(text(request("/echo").POST(BodyPublishers.noBody())));
    note(text(request("/echo").DELETE()));
    note(text(request("/echo").method("PATCH", BodyPublishers.ofString("é"))));
    note(text(request("/echo").method("HEAD", BodyPublishers.noBody())));
    note(text(request("/echo").expectContinue(true).POST(BodyPublishers.ofString("later"))));
    note(text(request("/status/404")));
    note(text(request("/status/302")));
    note(text(request("/status/204")));
  }

  private String text(HttpRequest.Builder request) throws Exception {
    HttpResponse<String> response = client.send(request.build(), BodyHandlers.ofString());
    return response.statusCode() + " " + response.body();
  }

  private void asynchronously() {
    String one =
        client
            .sendAsync(request("/echo").build(), BodyHandlers.ofString())
            .thenApply(HttpResponse::body)
            .thenApply(String::toUpperCase)
            .join();
    note(one);

    List<CompletableFuture<HttpResponse<String>>> many = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      many.add(client.sendAsync(request("/echo?" + i).build(), BodyHandlers.ofString()));
    }
    CompletableFuture.allOf(many.toArray(new CompletableFuture<?>[0])).join();
    for (int i = 0; i < many.size(); i++) {
      note(many.get(i).join().body());
    }
  }

  private void uploads() throws Exception {
    byte[] bytes = new byte[1_000_000];
    Path file = Files.write(folder.resolve("upload"), bytes);
    BodyPublisher stream = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes));
    note(text(request("/length").POST(BodyPublishers.ofByteArray(bytes))));
    note(text(request("/length").POST(BodyPublishers.ofFile(file))));
    note(text(request("/length").POST(stream)));
    note(text(request("/length").POST(BodyPublishers.fromPublisher(stream, bytes.length))));
    note(text(request("/length").POST(BodyPublishers.ofByteArrays(List.of(bytes, bytes)))));
    note(text(request("/length").POST(BodyPublishers.concat(stream, BodyPublishers.noBody()))));
    note(text(request("/length").POST(BodyPublishers.ofString(""))));
  }

  private void downloads() throws Exception {
    HttpRequest large = request("/large").build(); // 1,000,000 bytes.
    HttpRequest lines = request("/lines").build(); // In chunks.

    note(client.send(large, BodyHandlers.ofByteArray()).body().length);
    try (InputStream in = client.send(large, BodyHandlers.ofInputStream()).body()) {
      note(in.readAllBytes().length);
    }
    try (InputStream in = client.send(large, BodyHandlers.ofInputStream()).body()) {
      note(in.readNBytes(10).length); // Closed before its end.
    }
    try (Stream<String> all = client.send(lines, BodyHandlers.ofLines()).body()) {
      note(all.toList());
    }
    note(Files.size(client.send(large, BodyHandlers.ofFile(folder.resolve("all"))).body()));
    note(client.send(large, BodyHandlers.discarding()).body());
    note(client.send(large, BodyHandlers.replacing("other")).body());
    note(client.send(lines, BodyHandlers.buffering(BodyHandlers.ofString(), 7)).body().length());

    AtomicLong count = new AtomicLong();
    client.send(
        large,
        BodyHandlers.ofByteArrayConsumer(
            piece -> count.addAndGet(piece.map(it -> it.length).orElse(0))));
    note(count);

    Flow.Publisher<List<ByteBuffer>> later = client.send(large, BodyHandlers.ofPublisher()).body();
    Counting counting = new Counting();
    later.subscribe(counting);
    note(counting.getBody().toCompletableFuture().join());
    note(client.sendAsync(large, head -> new Counting()).join().body());
    note(
        client
            .send(
                lines,
                head ->
                    BodySubscribers.mapping(
                        BodySubscribers.ofString(UTF_8), text -> head.statusCode() + text))
            .body());
  }

  /** Asks for one piece at a time. */
  private static final class Counting implements BodySubscriber<Long> {
    private final CompletableFuture<Long> total = new CompletableFuture<>();
    private Flow.Subscription subscription;
    private long count;

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      this.subscription = subscription;
      subscription.request(1);
    }

    @Override
    public void onNext(List<ByteBuffer> pieces) {
      pieces.forEach(piece -> count += piece.remaining());
      subscription.request(1);
    }

    @Override
    public void onError(Throwable failure) {
      total.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
      total.complete(count);
    }

    @Override
    public CompletionStage<Long> getBody() {
      return total;
    }
  }

  private void failures() throws Exception {
    HttpRequest silent = request("/silent").build();
    HttpRequest hasty = request("/silent").timeout(Duration.ofMillis(200)).build();
    HttpRequest nowhere = HttpRequest.newBuilder(URI.create("http://127.0.0.1:1/")).build();
    HttpRequest cut = request("/cut").build();
    note(failure(hasty), failure(nowhere), failure(cut));
    try {
      client.sendAsync(hasty, BodyHandlers.ofString()).join();
    } catch (CompletionException e) {
      note(e.getCause().getClass().getSimpleName());
    }

    CompletableFuture<HttpResponse<String>> cancelled =
        client.sendAsync(silent, BodyHandlers.ofString());
    note(cancelled.cancel(true), cancelled.isCompletedExceptionally());
    try {
      cancelled.join();
    } catch (CancellationException | CompletionException e) { // Which one is not specified.
      note("cancelled");
    }

    Thread.currentThread().interrupt();
    try {
      client.send(silent, BodyHandlers.ofString());
    } catch (InterruptedException e) {
      note("interrupted", Thread.currentThread().isInterrupted());
    }
    try {
      client.send(request("/echo").build(), null);
    } catch (NullPointerException e) {
      note("no handler");
    }
    note(text(request("/echo"))); // The client still works.
  }

  private String failure(HttpRequest request) throws InterruptedException {
    try {
      return String.valueOf(client.send(request, BodyHandlers.ofString()).statusCode());
    } catch (IOException e) {
      String name = e.getClass().getSimpleName();
      return e instanceof EOFException ? "IOException" : name; // A kind of it.
    }
  }
}
