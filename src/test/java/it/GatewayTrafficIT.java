// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import kit.consul.agent.DevAgent;
import kit.http.Json;
import kit.http.Response;
import kit.http.server.HttpService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;
import testing.JarProcess;

/** A gateway during a rolling restart, and with bodies larger than its memory. */
@Timeout(180)
class GatewayTrafficIT {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final long GIB = 1L << 30;
  private static final int WARM_UP_CALLS = 300;
  private static final int MAX_IN_FLIGHT = 100; // Half a second's worth.

  private final List<JarProcess> processes = new ArrayList<>();
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  @AfterEach
  void stopProcesses() throws Exception {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
  }

  private JarProcess started(JarProcess process) {
    processes.add(process);
    return process;
  }

  private static URI uri(JarProcess gateway, String path) throws InterruptedException {
    return URI.create(gateway.nextLine().replaceFirst("^gateway listening on ", "") + path);
  }

  private JarProcess startService(String registry, int port) {
    return started(
        JarProcess.start(
            "user-service", "--name", "userservice", "--port", "" + port, "--registry", registry));
  }

  @Test
  void rollingRestartBehindTheGatewayFailsNoCall() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      String registry = "consul://" + agent.uri().getAuthority();
      Map<Integer, JarProcess> services = new ConcurrentHashMap<>();
      for (int i = 0; i < 3; i++) {
        JarProcess service = startService(registry, 0);
        services.put(service.port(), service);
      }
      JarProcess gateway =
          started(JarProcess.start("client", "gateway", "--port", "0", "--registry", registry));
      URI base = uri(gateway, "/");
      awaitListed(base, services.keySet());

      Queue<String> failures = new ConcurrentLinkedQueue<>();
      AtomicInteger answered = new AtomicInteger();
      HttpRequest call =
          HttpRequest.newBuilder(base.resolve("/userservice/user/101")).timeout(SOON).build();
      for (int i = 0; i < WARM_UP_CALLS; i++) {
        assertThat(http.send(call, BodyHandlers.ofString()).statusCode()).isEqualTo(200);
      }
      ScheduledExecutorService callers = Executors.newScheduledThreadPool(1);
      AtomicInteger inFlight = new AtomicInteger();
      callers.scheduleAtFixedRate(
          () -> {
            if (inFlight.get() >= MAX_IN_FLIGHT) {
              return; // A machine that is too busy for 200 calls a second proves nothing.
            }
            inFlight.incrementAndGet();
            http.sendAsync(call, BodyHandlers.ofString())
                .whenComplete(
                    (answer, e) -> {
                      if (e != null || answer.statusCode() != 200) {
                        failures.add(e != null ? e.toString() : answer + answer.body());
                      } else {
                        answered.incrementAndGet();
                      }
                      inFlight.decrementAndGet();
                    });
          },
          0,
          5,
          TimeUnit.MILLISECONDS); // 200 calls a second
      try {
        for (int port : services.keySet()) {
          services.get(port).signal("TERM");
          assertThat(services.get(port).exitStatus()).isEqualTo(143);
          startService(registry, port).port();
          awaitListed(base, services.keySet());
        }
      } finally {
        callers.shutdown();
      }
      Eventually.within(SOON, () -> assertThat(inFlight).hasValue(0));
      assertThat(failures.size())
          .as(() -> failures.peek() + gateway.err().stream().findFirst().orElse(""))
          .isZero();
      assertThat(answered.get()).as("three seconds of drain delay alone").isGreaterThan(400);
    }
  }

  private void awaitListed(URI base, Iterable<Integer> ports) throws Exception {
    Eventually.within(
        SOON,
        () -> {
          String list =
              http.send(HttpRequest.newBuilder(base).build(), BodyHandlers.ofString()).body();
          assertThat(Json.readTree(list.getBytes()).at("/userservice/instances"))
              .extracting(instance -> Integer.parseInt(instance.textValue().split(":")[1]))
              .containsExactlyInAnyOrderElementsOf(ports);
        });
  }

  @Test
  void aGibibytePassesBothWaysThroughAGatewayWithAHeapOf64Mebibytes() throws Exception {
    AtomicLong received = new AtomicLong();
    HttpService.Settings settings = HttpService.Settings.of("127.0.0.1", 0);
    try (HttpService upstream = HttpService.bind(settings)) {
      upstream.start(
          (context, request) -> {
            if (request.method().equals("POST")) {
              received.set(request.bodyStream().transferTo(OutputStream.nullOutputStream()));
              return Response.empty(204);
            }
            return Response.streaming(
                200, "application/octet-stream", GIB, out -> zeros(GIB).transferTo(out));
          });
      JarProcess gateway =
          started(
              JarProcess.startWith(
                  List.of("-Xmx64m"),
                  "client",
                  "gateway",
                  "--services",
                  "big",
                  "--port",
                  "0",
                  "--registry",
                  "static:127.0.0.1:" + upstream.port()));
      URI big = uri(gateway, "/big/body");

      HttpRequest.BodyPublisher upload =
          BodyPublishers.fromPublisher(BodyPublishers.ofInputStream(() -> zeros(GIB)), GIB);
      HttpResponse<Void> uploaded =
          http.send(HttpRequest.newBuilder(big).POST(upload).build(), BodyHandlers.discarding());
      assertThat(uploaded.statusCode()).isEqualTo(204);
      assertThat(received).hasValue(GIB);

      HttpResponse<InputStream> download =
          http.send(HttpRequest.newBuilder(big).build(), BodyHandlers.ofInputStream());
      try (InputStream body = download.body()) {
        assertThat(body.transferTo(OutputStream.nullOutputStream())).isEqualTo(GIB);
      }
      assertThat(gateway.err()).isEmpty();
    }
  }

  /** A stream of that many zeros. */
  private static InputStream zeros(long count) {
    return new InputStream() {
      private long left = count;

      @Override
      public int read() {
        return left-- > 0 ? 0 : -1;
      }

      @Override
      public int read(byte[] bytes, int offset, int length) {
        if (left <= 0) {
          return -1;
        }
        int some = (int) Math.min(length, left);
        left -= some;
        return some;
      }
    };
  }
}
