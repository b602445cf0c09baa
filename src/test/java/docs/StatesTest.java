// SPDX-License-Identifier: Apache-2.0
package docs;

import static kit.breaker.CircuitBreaker.Outcome.FAILURE;
import static kit.breaker.CircuitBreaker.Outcome.IGNORED;
import static kit.breaker.CircuitBreaker.Outcome.SUCCESS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import kit.Endpoint;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaker.OpenException;
import kit.breaker.CircuitBreaker.Permit;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.FakeNanoTime;

/** Compares the diagrams in docs/states.md with every event in every state. */
@Timeout(60)
class StatesTest {
  private static final Duration LONG = Duration.ofDays(1);
  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  /** A breaker with the time it goes by, and a call that has begun before anything else. */
  private record Breaker(CircuitBreaker breaker, FakeNanoTime time, Permit early)
      implements AutoCloseable {
    static Breaker closed() {
      FakeNanoTime time = new FakeNanoTime();
      CircuitBreaker.Settings settings = CircuitBreaker.Settings.defaults();
      CircuitBreaker breaker =
          new CircuitBreaker(settings.withConsecutiveFailures(1), time, state -> {});
      return new Breaker(breaker, time, breaker.acquire());
    }

    Breaker after(Transitions.Event<Breaker> event) throws Exception {
      event.happen(this);
      return this;
    }

    void call(Transitions.Event<Permit> outcome) throws Exception {
      try {
        outcome.happen(breaker.acquire());
      } catch (OpenException e) {
        // Rejected, which is no outcome.
      }
    }

    @Override
    public void close() {
      // Nothing to release.
    }
  }

  @Test
  void breaker() throws Exception {
    Transitions.Event<Breaker> failure = machine -> machine.call(permit -> permit.report(FAILURE));
    Transitions.Event<Breaker> openInterval = machine -> machine.time.advance(LONG);
    Transitions<Breaker> transitions =
        new Transitions<Breaker>()
            .state("CLOSED", Breaker::closed)
            .state("OPEN", () -> Breaker.closed().after(failure))
            .state("HALF_OPEN", () -> Breaker.closed().after(failure).after(openInterval))
            .event("failure threshold reached", failure)
            .event("open interval elapsed", openInterval)
            .event(
                "enough probes succeeded",
                machine -> machine.call(permit -> permit.report(SUCCESS)))
            .event("a call is ignored", machine -> machine.call(permit -> permit.report(IGNORED)))
            .event("a call never ends", machine -> machine.call(permit -> {}));

    assertThat(transitions.states())
        .containsExactlyElementsOf(
            Stream.of(CircuitBreaker.State.values()).map(Enum::toString).toList());
    assertThat(shown("breaker"))
        .containsExactlyElementsOf(
            transitions.drawn(machine -> machine.breaker.state().toString()));
  }

  @Test
  void lateResultsChangeNoState() throws Exception {
    Transitions.Event<Breaker> failure = machine -> machine.call(permit -> permit.report(FAILURE));
    Transitions<Breaker> transitions =
        new Transitions<Breaker>()
            .state("OPEN", () -> Breaker.closed().after(failure))
            .state(
                "HALF_OPEN",
                () -> Breaker.closed().after(failure).after(one -> one.time.advance(LONG)))
            .state(
                "CLOSED",
                () ->
                    Breaker.closed()
                        .after(failure)
                        .after(one -> one.time.advance(LONG))
                        .after(machine -> machine.call(permit -> permit.report(SUCCESS))))
            .event("a late failure", machine -> machine.early.report(FAILURE))
            .event("a late success", machine -> machine.early.report(SUCCESS));

    assertThat(transitions.drawn(machine -> machine.breaker.state().toString())).isEmpty();
  }

  /** A service, and whether it was started. */
  private record Service(HttpService http, AtomicBoolean started) implements AutoCloseable {
    @SafeVarargs
    static Service after(Transitions.Event<Service>... events) throws Exception {
      HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
      Service service = new Service(http, new AtomicBoolean());
      for (Transitions.Event<Service> event : events) {
        event.happen(service);
      }
      return service;
    }

    void start() {
      try {
        http.start(
            new RoutingHandler(
                new Router<Endpoint<Request, Response>>()
                    .route("GET", "/health", http::health)
                    .route("GET", "/ready", http::ready)));
        started.set(true);
      } catch (IllegalStateException e) {
        // Too late: no effect.
      }
    }

    void selfCheck() throws Exception {
      if (!state().equals("BOUND")) { // There it would wait for a response.
        try {
          http.selfCheck("/health");
        } catch (IOException e) {
          // Unhealthy: no effect.
        }
      }
    }

    /** The state of the service as a client sees it. */
    String state() throws Exception {
      try (Socket socket = new Socket("127.0.0.1", http.port())) {
        if (!started.get()) {
          return "BOUND"; // Accepts connections, but does not respond.
        }
      } catch (ConnectException e) {
        return "STOPPED";
      }
      if (statusOf("/health") == 503) {
        return "DRAINING";
      }
      return statusOf("/ready") == 503 ? "SERVING" : "READY";
    }

    private int statusOf(String path) throws Exception {
      URI uri = URI.create("http://127.0.0.1:" + http.port() + path);
      return CLIENT
          .send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding())
          .statusCode();
    }

    @Override
    public void close() {
      http.close();
    }
  }

  @Test
  void service() throws Exception {
    Transitions<Service> transitions =
        new Transitions<Service>()
            .state("BOUND", Service::after)
            .state("SERVING", () -> Service.after(Service::start))
            .state("READY", () -> Service.after(Service::start, Service::selfCheck))
            .state("DRAINING", () -> Service.after(Service::start, one -> one.http.drain()))
            .state("STOPPED", () -> Service.after(Service::close))
            .event("start()", Service::start)
            .event("selfCheck()", Service::selfCheck)
            .event("drain()", service -> service.http.drain())
            .event("stop() or close()", Service::close);

    assertThat(shown("service")).containsExactlyElementsOf(transitions.drawn(Service::state));
  }

  private static List<String> shown(String name) throws IOException {
    return Page.read("docs/states.md").blocks().stream()
        .filter(block -> block.comment().equals("found by StatesTest: " + name))
        .findFirst()
        .orElseThrow()
        .text();
  }
}
