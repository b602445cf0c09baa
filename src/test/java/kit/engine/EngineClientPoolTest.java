// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;

/** Which connections the client keeps and uses again, and how it ends. */
@Timeout(60)
class EngineClientPoolTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  private EngineClient client = EngineClient.create();

  @AfterEach
  void close() {
    client.close();
  }

  private HttpResponse<String> call(ScriptedServer server, String method) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(server.uri());
    return client.send(
        request.method(method, BodyPublishers.noBody()).build(), BodyHandlers.ofString());
  }

  private String get(ScriptedServer server) throws Exception {
    return call(server, "GET").body();
  }

  private void with(EngineClientSettings settings) {
    client.close();
    client = new EngineClient(settings);
  }

  @Test
  void connectionIsUsedAgain() throws Exception {
    try (ScriptedServer server = ScriptedServer.answering(OK)) {
      for (int i = 0; i < 10; i++) {
        assertThat(get(server)).isEqualTo("ok");
      }
      assertThat(server.accepted()).isEqualTo(1);
    }
  }

  /** The connections 1 and 2 are idle; the one whose response came last is taken. */
  @Test
  void lastOneIsTakenFirst() throws Exception {
    CyclicBarrier both = new CyclicBarrier(2);
    CountDownLatch second = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              both.await();
              if (peer.number() == 2) {
                second.await();
              }
              peer.write(OK);
              while (true) {
                peer.readHead();
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + peer.number());
              }
            })) {
      HttpRequest request = HttpRequest.newBuilder(server.uri()).build();
      List<CompletableFuture<HttpResponse<String>>> calls = new ArrayList<>();
      calls.add(client.sendAsync(request, BodyHandlers.ofString()));
      calls.add(client.sendAsync(request, BodyHandlers.ofString()));
      CompletableFuture.anyOf(calls.toArray(CompletableFuture[]::new)).join();
      second.countDown();
      calls.forEach(CompletableFuture::join);
      assertThat(get(server)).isEqualTo("2");
      assertThat(get(server)).isEqualTo("2");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok+"
      })
  void connectionIsClosedAfter(String response) throws Exception {
    try (ScriptedServer server = ScriptedServer.answering(response)) {
      assertThat(get(server)).isEqualTo("ok");
      Eventually.within(SOON, () -> assertThat(server.open()).isZero());
      assertThat(get(server)).isEqualTo("ok");
    }
  }

  @Test
  void http10MayKeepTheConnection() throws Exception {
    try (ScriptedServer server =
        ScriptedServer.answering(
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")) {
      get(server);
      get(server);
      assertThat(server.accepted()).isEqualTo(1);
    }
  }

  /** Also with a POST, which is never sent again. */
  @Test
  void connectionThatTheServerHasEndedIsNotUsed() throws Exception {
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write(OK);
            })) {
      for (int i = 0; i < 5; i++) {
        call(server, "POST");
        Eventually.within(SOON, () -> assertThat(server.open()).isZero());
      }
    }
  }

  @Test
  void connectionWithBytesThatWereNotAskedForIsNotUsed() throws Exception {
    CountDownLatch read = new CountDownLatch(1);
    CountDownLatch written = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write(OK);
              if (peer.number() == 1) {
                read.await();
                peer.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
                written.countDown();
              }
              peer.awaitEnd();
            })) {
      get(server);
      read.countDown();
      written.await();
      assertThat(get(server)).isEqualTo("ok");
      assertThat(server.accepted()).isEqualTo(2);
    }
  }

  /** Closes each connection when its second request has come: a connection that breaks in use. */
  private static ScriptedServer breaking(String secondResponse) throws IOException {
    return new ScriptedServer(
        peer -> {
          peer.event(peer.readHead().split(" ")[0]);
          peer.write(OK);
          peer.event(peer.readHead().split(" ")[0]);
          peer.write(secondResponse);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
  void idempotentRequestIsSentAgainOnce(String method) throws Exception {
    try (ScriptedServer server = breaking("")) {
      get(server);
      assertThat(call(server, method).statusCode()).isEqualTo(200);
      assertThat(server.accepted()).isEqualTo(2);
      assertThat(server.events())
          .filteredOn(event -> !event.equals("ended")) // After the body of a response to HEAD.
          .containsExactly("GET", method, method);
    }
  }

  @Test
  void smallBodyIsSentAgain() throws Exception {
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.read(4);
              peer.write(OK);
              peer.readHead();
              peer.event(peer.read(4));
            })) {
      HttpRequest put =
          HttpRequest.newBuilder(server.uri()).PUT(BodyPublishers.ofString("body")).build();
      client.send(put, BodyHandlers.discarding());
      assertThat(client.send(put, BodyHandlers.ofString()).body()).isEqualTo("ok");
      assertThat(server.events().take()).isEqualTo("body");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST ", "PATCH ", "GET H", "GET HTTP/1.1 100 Continue\r\n\r\n"})
  void otherwiseItIsNotSentAgain(String row) throws Exception {
    String method = row.split(" ")[0];
    try (ScriptedServer server = breaking(row.substring(method.length() + 1))) {
      get(server);
      assertThatThrownBy(() -> call(server, method)).isInstanceOf(IOException.class);
      assertThat(server.accepted()).isEqualTo(1);
      assertThat(server.events()).containsExactly("GET", method);
    }
  }

  @Test
  void newConnectionThatBreaksIsAFailure() throws Exception {
    try (ScriptedServer server = new ScriptedServer(peer -> peer.event(peer.readHead()))) {
      assertThatThrownBy(() -> get(server))
          .isInstanceOf(IOException.class)
          .hasMessage("connection closed before a response");
      assertThat(server.accepted()).isEqualTo(1);
    }
  }

  @Test
  void idleConnectionIsClosedInTime() throws Exception {
    with(EngineClientSettings.defaults().withIdle(Duration.ofMillis(50), 10, 10));
    try (ScriptedServer server = ScriptedServer.answering(OK)) {
      get(server);
      Eventually.within(SOON, () -> assertThat(server.open()).isZero());
      get(server);
      assertThat(server.accepted()).isEqualTo(2);
    }
  }

  @Test
  void timerEndsWithTheLastConnection() throws Exception {
    with(EngineClientSettings.defaults().withIdle(Duration.ofMillis(50), 10, 10));
    assertThat(client.timer().isRunning()).isFalse();
    try (ScriptedServer server = ScriptedServer.answering(OK)) {
      get(server);
      assertThat(client.timer().isRunning()).isTrue();
      Eventually.within(SOON, () -> assertThat(client.timer().isRunning()).isFalse());
      get(server);
      assertThat(client.timer().isRunning()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"2 100", "100 2", "0 100"})
  void idleConnectionsAreBounded(String bounds) throws Exception {
    int perOrigin = Integer.parseInt(bounds.split(" ")[0]);
    int inAll = Integer.parseInt(bounds.split(" ")[1]);
    with(EngineClientSettings.defaults().withIdle(Duration.ofSeconds(20), perOrigin, inAll));
    CyclicBarrier all = new CyclicBarrier(5);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              all.await();
              peer.write(OK);
              peer.awaitEnd();
            })) {
      HttpRequest request = HttpRequest.newBuilder(server.uri()).build();
      List<CompletableFuture<?>> calls = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        calls.add(client.sendAsync(request, BodyHandlers.ofString()));
      }
      calls.forEach(CompletableFuture::join);
      int kept = Math.min(perOrigin, inAll);
      Eventually.within(SOON, () -> assertThat(server.open()).isEqualTo(kept));
    }
  }

  @Test
  void closeWaitsForExchangesAndRefusesMore() throws Exception {
    CountDownLatch respond = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.event(peer.readHead());
              respond.await();
              peer.write(OK);
              peer.awaitEnd();
            })) {
      HttpRequest request = HttpRequest.newBuilder(server.uri()).build();
      CompletableFuture<HttpResponse<String>> call =
          client.sendAsync(request, BodyHandlers.ofString());
      server.events().take();
      client.shutdown();
      assertThat(client.isTerminated()).isFalse();
      assertThat(client.awaitTermination(Duration.ofMillis(1))).isFalse();
      assertThatThrownBy(() -> get(server))
          .isInstanceOf(IOException.class)
          .hasMessage("the client was closed");
      assertThat(client.sendAsync(request, BodyHandlers.ofString())).failsWithin(SOON);
      respond.countDown();
      client.close();
      assertThat(call.get(1, TimeUnit.SECONDS).body()).isEqualTo("ok");
      assertThat(client.isTerminated()).isTrue();
      Eventually.within(SOON, () -> assertThat(server.open()).isZero());
      client.close();
    }
  }

  @Test
  void shutdownNowEndsExchanges() throws Exception {
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.event(peer.readHead());
              peer.awaitEnd();
            })) {
      HttpRequest request = HttpRequest.newBuilder(server.uri()).build();
      CompletableFuture<HttpResponse<String>> call =
          client.sendAsync(request, BodyHandlers.ofString());
      server.events().take();
      client.shutdownNow();
      assertThat(call)
          .failsWithin(SOON)
          .withThrowableThat()
          .withMessageContaining("the client was closed");
      assertThat(client.awaitTermination(SOON)).isTrue();
    }
  }

  /** A body that is being read is in flight. */
  @Test
  void closeWaitsForAStream() throws Exception {
    CountDownLatch more = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
              more.await();
              peer.write("lf");
              peer.awaitEnd();
            })) {
      HttpRequest request = HttpRequest.newBuilder(server.uri()).build();
      var stream = client.send(request, BodyHandlers.ofInputStream()).body();
      client.shutdown();
      assertThat(client.isTerminated()).isFalse();
      more.countDown();
      assertThat(stream.readAllBytes()).hasSize(4);
      assertThat(client.awaitTermination(SOON)).isTrue();
    }
  }
}
