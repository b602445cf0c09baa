// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import kit.Endpoint;
import kit.PeerException;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.client.HttpEndpoint;
import kit.http.server.HttpService;
import kit.registry.Inspection;
import kit.registry.Registry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.FakeConsul;
import testing.LocalServers;
import testing.TestCertificate;

/** The troubles that the doctor has to find, one each, with a scripted Consul and real instances. */
@Timeout(60)
class DoctorTest {
  private static final String PASSING = "passing";
  private static final String HEALTH = "/v1/health/service/web";
  private static final String NOTHING_MORE = "\"Meta\":{}";

  private FakeConsul consul;
  private HttpService service;
  private CallCheck.Caller call =
      attempts -> {
        attempts.accept("a:1 succeeded");
        return "jerry";
      };
  private ReachCheck.Caller direct = instance -> "jerry" + instance.port();
  private List<String> tags = List.of();
  private Clock clock = Clock.systemUTC();

  @BeforeEach
  void start() throws Exception {
    consul = new FakeConsul();
    consul.on("GET", "/v1/agent/self").answer(200, "{\"Config\":{\"Version\":\"1.8.7\"}}");
    service = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    service.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route("GET", "/health", service::health)
                .route("GET", "/ready", service::ready)));
    service.selfCheck("/health");
  }

  @AfterEach
  void stop() {
    service.close();
    consul.close();
  }

  private static String entry(String id, String host, int port, String status, String more) {
    return """
        {"Node":{"Node":"n1","Address":"127.0.0.1"},
         "Service":{"ID":"%s","Service":"web","Address":"%s","Port":%d,%s},
         "Checks":[{"CheckID":"alive","Status":"passing","Output":"alive and well"},
                   {"CheckID":"up","Status":"%s","Output":"HTTP 503\\nbusy"}]}
        """
        .formatted(id, host, port, more, status);
  }

  private void register(String... entries) {
    String all = Stream.of(entries).collect(joining(",", "[", "]"));
    consul.on("GET", HEALTH).answerWithIndex("7", all);
  }

  private void registerService() {
    register(entry("web-1", "127.0.0.1", service.port(), PASSING, NOTHING_MORE));
  }

  private List<Finding> examine(String registry, String name) throws Exception {
    List<Check> checks =
        List.of(
            new RegistryCheck(clock),
            new RegisteredCheck(),
            new AddressCheck(),
            new ListCheck(
                () -> Registry.parse(registry).rawInstances(name, tags),
                !tags.isEmpty(),
                Duration.ofSeconds(5)),
            new ReachCheck(
                HttpEndpoint.newClient(),
                it -> it.scheme().equals("https"),
                Duration.ofSeconds(5),
                true,
                direct),
            new CallCheck("GET /user/101", call));
    return Doctor.examine(
        new Examination(name, registry, Registry.parse(registry).inspection()), checks);
  }

  private List<String> lines() throws Exception {
    return lines("consul://" + consul.uri().getAuthority(), "web");
  }

  private List<String> lines(String registry, String name) throws Exception {
    return examine(registry, name).stream().map(Finding::line).toList();
  }

  private String at() {
    return "127.0.0.1:" + service.port();
  }

  @Test
  void allIsWell() throws Exception {
    registerService();

    assertThat(lines())
        .containsExactly(
            "ok    registry: " + consul.uri().getAuthority() + " responds, version 1.8.7",
            "ok    clock: as the registry's, within 5 s",
            "ok    rights: web may be read",
            "ok    instances: 1 of 1 registered are passing",
            "ok    addresses: all can be called by their form",
            "ok    list of callers: 1 instance",
            "ok    instance %s: /health is 200, /ready is 200, responds as jerry%d"
                .formatted(at(), service.port()),
            "ok    call GET /user/101: jerry; attempts: a:1 succeeded");
    assertThat(consul.requests()).allMatch(request -> request.method().equals("GET"));
  }

  @Test
  void registryIsDown() throws Exception {
    int port = LocalServers.freePorts(1).get(0);

    assertThat(lines("consul://127.0.0.1:" + port, "web"))
        .singleElement()
        .asString()
        .startsWith(
            "FAIL  registry: 127.0.0.1:" + port + " does not respond: connection refused; ");
  }

  @Test
  void tokenIsWrong() throws Exception {
    consul.on("GET", "/v1/agent/self").answer(403, "ACL not found");
    consul.on("GET", HEALTH).answer(403, "ACL not found");

    assertThat(lines())
        .startsWith("ok    registry: %s responds, version not shown".formatted(authority()))
        .last()
        .isEqualTo(
            "FAIL  rights: GET "
                + HEALTH
                + ": 403 ACL not found;"
                + " give a token or user that may read web");
  }

  private String authority() {
    return consul.uri().getAuthority();
  }

  @Test
  void tokenSeesNotAll() throws Exception {
    consul
        .on("GET", HEALTH)
        .answer(
            200,
            "[" + entry("web-1", "127.0.0.1", service.port(), PASSING, NOTHING_MORE) + "]",
            "X-Consul-Index",
            "7",
            "X-Consul-Results-Filtered-By-ACLs",
            "true");

    assertThat(lines())
        .contains("warn  rights: the registry hides entries; give a token that reads all");
  }

  @Test
  void advertisedAddressCannotBeCalled() throws Exception {
    register(
        entry("web-1", "0.0.0.0", service.port(), PASSING, NOTHING_MORE),
        entry("web-2", "172.17.0.2", 1, PASSING, NOTHING_MORE),
        entry("web-3", "my_host", 80, PASSING, NOTHING_MORE),
        entry("web-4", "127.0.0.1", 0, PASSING, NOTHING_MORE));

    assertThat(lines())
        .anyMatch(
            it ->
                it.matches(
                    "FAIL  address of web-1 on n1: 0.0.0.0:\\d+ is no address of a server;"
                        + " register with --advertise .*"))
        .anyMatch(it -> it.startsWith("warn  address of web-2 on n1: 172.17.0.2:1 is that of a c"))
        .anyMatch(it -> it.startsWith("FAIL  address of web-3 on n1: my_host:80 cannot be called"))
        .anyMatch(
            it -> it.startsWith("FAIL  address of web-4 on n1: 127.0.0.1:0 cannot be called"));
  }

  @Test
  void loopbackIsSuspiciousIfTheRegistryIsElsewhere() throws Exception {
    registerService();
    Examination examination =
        new Examination("web", "", Registry.parse("static:" + at()).inspection());
    new RegisteredCheck().run(examination);
    assertThat(new AddressCheck().run(examination))
        .extracting(Finding::level)
        .containsOnly(Finding.Level.OK);

    examination.servers(List.of(server("10.0.0.9:8500")));
    assertThat(new AddressCheck().run(examination).get(0).line())
        .isEqualTo(
            "warn  address of %s: %s is its own machine only;".formatted(at(), at())
                + " register with --advertise and an address for callers");
  }

  private static Inspection.Server server(String authority) {
    return new Inspection.Server(authority, Optional.empty(), Optional.empty(), Optional.empty());
  }

  @Test
  void checkFails() throws Exception {
    register(entry("web-1", "127.0.0.1", service.port(), "critical", NOTHING_MORE));

    assertThat(lines())
        .contains(
            "FAIL  instances: 0 of 1 registered are passing; clients get none: see the checks",
            "FAIL  check of web-1 on n1: up is critical: HTTP 503\\nbusy;"
                + " repair the instance, or what the check requests");
  }

  @Test
  void callersWantTagsThatNoInstanceHas() throws Exception {
    tags = List.of("blue");
    consul
        .on("GET", HEALTH)
        .answerWithIndex(
            "7", "[" + entry("web-1", "127.0.0.1", service.port(), PASSING, NOTHING_MORE) + "]")
        .answerWithIndex("7", "[]"); // The query with a tag is the second.

    assertThat(lines())
        .contains("FAIL  list of callers: empty; no instance has all of --tags")
        .contains("ok    instances: 1 of 1 registered are passing");
  }

  @Test
  void instancesWithoutHttpAreOnlyCalled() throws Exception {
    Examination examination =
        new Examination("web", "", Registry.parse("static:127.0.0.1:1").inspection());
    new RegisteredCheck().run(examination);
    ReachCheck check =
        new ReachCheck(
            HttpEndpoint.newClient(),
            it -> it.scheme().equals("https"),
            Duration.ofSeconds(5),
            false,
            it -> "jerry8081");

    assertThat(check.run(examination))
        .containsExactly(Finding.ok("instance 127.0.0.1:1", "responds as jerry8081"));
  }

  @Test
  void portIsClosed() throws Exception {
    int port = LocalServers.freePorts(1).get(0);
    register(entry("web-1", "127.0.0.1", port, PASSING, NOTHING_MORE));

    assertThat(lines())
        .contains(
            "FAIL  instance 127.0.0.1:%d: connection refused (127.0.0.1:%d);".formatted(port, port)
                + " does it run, on this port, bound to this address, no firewall?");
  }

  @Test
  void twoIdsHaveOneAddress() throws Exception {
    register(
        entry("web-1", "127.0.0.1", service.port(), PASSING, NOTHING_MORE),
        entry("ghost", "127.0.0.1", service.port(), PASSING, NOTHING_MORE));

    assertThat(lines())
        .contains(
            "warn  duplicates: %s is registered 2 times: ghost on n1, web-1 on n1;".formatted(at())
                + " deregister those of instances that have ended")
        .filteredOn(it -> it.startsWith("ok    instance "))
        .hasSize(1);
  }

  @Test
  void nameIsMisspelt() throws Exception {
    consul.on("GET", "/v1/health/service/userservise").answerWithIndex("7", "[]");
    consul
        .on("GET", "/v1/catalog/services")
        .answerWithIndex("7", "{\"consul\":[],\"userservice\":[\"primary\"]}");

    assertThat(lines("consul://" + authority(), "userservise"))
        .last()
        .isEqualTo(
            "FAIL  instances: nothing is registered as userservise; did you mean userservice?");
  }

  @Test
  void tokenSeesNothing() throws Exception {
    register();
    consul.on("GET", "/v1/catalog/services").answerWithIndex("7", "{}");

    assertThat(lines())
        .last()
        .isEqualTo(
            "FAIL  instances: nothing is registered as web;"
                + " no service is shown at all: may the token or user read any?");
  }

  @Test
  void nameIsUnknown() throws Exception {
    register();
    consul.on("GET", "/v1/catalog/services").answer(403, "Permission denied");

    assertThat(lines())
        .last()
        .isEqualTo(
            "FAIL  instances: nothing is registered as web (names are not listed);"
                + " is the service running, with this --registry and this name?");
  }

  @Test
  void clockIsAnHourOff() throws Exception {
    registerService();
    clock = Clock.offset(Clock.systemUTC(), Duration.ofHours(-1));
    assertThat(lines())
        .anyMatch(
            it -> it.matches("warn  clock: the registry's is 3(59|60)\\d s ahead; synchron.*"));

    clock = Clock.offset(Clock.systemUTC(), Duration.ofHours(1));
    assertThat(lines())
        .anyMatch(
            it -> it.matches("warn  clock: the registry's is 3(59|60)\\d s behind; synchron.*"));
  }

  @Test
  void tlsPortIsRegisteredAsHttp(@TempDir Path files) throws Exception {
    HttpsServer https = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(TestCertificate.in(files).serverTls()));
    ExecutorService threads = Executors.newCachedThreadPool(); // As services have.
    https.setExecutor(threads);
    https.start();
    try {
      int port = https.getAddress().getPort();
      register(entry("web-1", "127.0.0.1", port, PASSING, NOTHING_MORE));

      assertThat(lines())
          .contains(
              "FAIL  instance 127.0.0.1:%d: registered as http, but serves TLS;".formatted(port)
                  + " register the scheme that it serves");
    } finally {
      https.stop(0);
      threads.shutdownNow();
    }
  }

  @Test
  void clearPortIsRegisteredAsHttps() throws Exception {
    String https = "\"Meta\":{\"scheme\":\"https\"}";
    register(entry("web-1", "127.0.0.1", service.port(), PASSING, https));

    assertThat(lines())
        .contains(
            "FAIL  instance %s: registered as https, but serves http;".formatted(at())
                + " register the scheme that it serves");
  }

  @Test
  void instanceDrains() throws Exception {
    registerService();
    service.drain();

    assertThat(lines())
        .contains(
            "FAIL  instance %s: /health is 503, /ready is 503;".formatted(at())
                + " it is starting, draining or broken: see its log");
  }

  @Test
  void anotherInstanceResponds() throws Exception {
    registerService();
    direct = instance -> "jerry1";

    assertThat(lines())
        .contains(
            "warn  instance %s: /health is 200, /ready is 200, responds as jerry1;".formatted(at())
                + " another port: is another instance behind this address?");
  }

  @Test
  void callIsDenied() throws Exception {
    registerService();
    call =
        attempts -> {
          attempts.accept("a:1 failed: 401");
          throw PeerException.status("a:1", 401, "token missing", null);
        };
    assertThat(lines())
        .last()
        .isEqualTo(
            "FAIL  call GET /user/101: 401 token missing (a:1); attempts: a:1 failed: 401;"
                + " the instance wants --token or --token-file");
  }

  @Test
  void callNeedsTwoAttempts() throws Exception {
    registerService();
    call =
        attempts -> {
          attempts.accept("a:1 failed: 500");
          attempts.accept("b:1 succeeded");
          return "jerry";
        };
    assertThat(lines())
        .last()
        .isEqualTo(
            "warn  call GET /user/101: jerry; attempts: a:1 failed: 500, b:1 succeeded;"
                + " see the instances whose attempts failed");
  }

  @Test
  void kindWithoutServersIsSkippedWhereItHasNothing() throws Exception {
    assertThat(lines("static:" + at(), "web").subList(0, 3))
        .containsExactly(
            "skip  registry: static:%s has no version, no clock".formatted(at()),
            "ok    instances: 1 of 1 registered are passing",
            "skip  check: this kind of registry has no health checks");
  }

  @Test
  void fileIsMissing(@TempDir Path folder) throws Exception {
    assertThat(lines("file:" + folder.resolve("none"), "web"))
        .last()
        .asString()
        .startsWith("FAIL  registry: ");
  }

  @Test
  void hostileTextStaysInItsLine() {
    assertThat(Finding.ok("a\nb", "c\u001b[2J").line()).isEqualTo("ok    a\\nb: c\\u001b[2J");
  }
}
