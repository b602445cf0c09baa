// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import kit.Context;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.http.RequestId;
import kit.http.server.HttpService;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.registry.Registry;
import kit.tracing.Tracing;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Engine;
import testing.Eventually;

/** A user service that calls real peers. */
@Timeout(30)
class ProxyingUserServiceTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Registry NO_REGISTRY = Registry.parse("none");

  private final List<HttpService> started = new ArrayList<>();
  private final BlockingQueue<String> seen = new LinkedBlockingQueue<>();
  private final Tracing tracing = new Tracing(0, span -> {});
  private final Instrumenting instrumenting = new Instrumenting(new Metrics());

  @AfterEach
  void stop() {
    started.forEach(HttpService::close);
  }

  /** Starts a user service, and returns its address. */
  private String peer() throws IOException {
    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    started.add(http);
    http.before(
        (context, request) -> {
          seen.add(context.get(RequestId.KEY) + " " + request.header("traceparent"));
          return context;
        });
    http.start(
        UserRoutes.handler(
            new InMemoryUserService("-" + started.size()),
            http::health,
            http::ready,
            instrumenting::page,
            Optional.empty(),
            next -> next));
    return "127.0.0.1:" + http.port();
  }

  private static URI base(Instance instance) {
    return URI.create(instance.scheme() + "://" + instance.authority());
  }

  private UserService proxy(String peers) {
    return new ProxyingUserService(
        new InMemoryUserService("-local"),
        Peers.parse(peers)
            .getName(
                NO_REGISTRY,
                Engine.newClient(),
                ProxyingUserServiceTest::base,
                tracing,
                instrumenting));
  }

  @Test
  void namesComeFromThePeersInTurnAndTheRestIsLocal() throws Exception {
    UserService proxy = proxy(peer() + ", http://" + peer() + "," + peer() + "/");
    // A cold client on a busy machine may take longer than a call has.
    Eventually.within(SOON, () -> proxy.getName(Context.background(), 101));
    Set<String> names = new TreeSet<>();
    for (int i = 0; i < 3; i++) {
      names.add(proxy.getName(Context.background(), 101));
    }
    assertThat(names).containsExactly("jerry-1", "jerry-2", "jerry-3");

    seen.clear();
    assertThatThrownBy(() -> proxy.deleteUser(Context.background(), 101))
        .isInstanceOf(PermissionDeniedException.class);
    assertThat(seen).as("requests to peers").isEmpty();
  }

  @Test
  void requestIdAndTraceAreForwarded() throws Exception {
    UserService proxy = proxy(peer());
    Context call = Context.background().with(RequestId.KEY, "id-1");
    Eventually.within(SOON, () -> proxy.getName(call, 7));
    assertThat(seen.take()).matches("id-1 00-[0-9a-f]{32}-[0-9a-f]{16}-00");
  }

  @Test
  void aFailureOfAllPeersIsAFailureAndNeverAnEmptyName() throws Exception {
    UserService proxy = proxy(peer() + "," + peer());
    started.forEach(HttpService::close);
    PeerException failure =
        catchThrowableOfType(PeerException.class, () -> proxy.getName(Context.background(), 101));
    assertThat(failure.kind()).isEqualTo(Kind.NOT_CONNECTED);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          '127.0.0.1:8081,,127.0.0.1:8082', 'empty item in the list'
          '127.0.0.1:8081,',                'empty item in the list'
          '127.0.0.1',                      'not host:port: 127.0.0.1'
          'http://127.0.0.1:8081/a?b',      'not a path: "/a?b"'
          'consul:',                        'not the name of a service: ""'
          'consul:a/b',                     'not the name of a service: "a/b"'
          """)
  void invalidListsAreRejected(String peers, String message) {
    assertThatIllegalArgumentException().isThrownBy(() -> Peers.parse(peers)).withMessage(message);
  }

  @Test
  void serviceNameNeedsARegistryWithNames() {
    assertThatThrownBy(
            () ->
                Peers.parse("consul:userservice")
                    .getName(
                        NO_REGISTRY,
                        Engine.newClient(),
                        ProxyingUserServiceTest::base,
                        tracing,
                        instrumenting))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--proxy", "consul:userservice", "--registry");
  }
}
