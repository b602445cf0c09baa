// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.sun.management.UnixOperatingSystemMXBean;
import com.sun.net.httpserver.HttpServer;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.Stream;
import kit.Context;
import kit.balancer.BalancedEndpoint;
import kit.balancer.RoundRobinPicker;
import kit.consul.ConsulCatalog;
import kit.consul.ConsulCheck;
import kit.consul.ConsulClient;
import kit.consul.ConsulClient.ConsulException;
import kit.consul.ConsulClient.Entry;
import kit.consul.ConsulClient.Health;
import kit.consul.ConsulClient.HealthQuery;
import kit.consul.ConsulClient.Result;
import kit.consul.ConsulClient.Service;
import kit.consul.ConsulClient.Status;
import kit.consul.ConsulInstances;
import kit.consul.ConsulRegistration;
import kit.consul.ConsulServices;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.engine.EngineProvider;
import kit.grpc.GrpcHealth;
import kit.grpc.GrpcService;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeConsul;

/**
 * What ConsulClient expects of an agent, real or embedded. Other tests may use the agent at the
 * same time: each test has a service name of its own.
 */
@Timeout(60)
abstract class ConsulContract {
  private static final Duration WAIT = Duration.ofSeconds(10);
  private static final Duration MINUTE = Duration.ofMinutes(1);

  final String name = "web-" + UUID.randomUUID();
  private final HealthQuery passing = HealthQuery.passing(name, List.of());
  private final HealthQuery all = new HealthQuery(name, List.of(), false, false, 0, WAIT);
  private final Service service =
      new Service(name + "-1", name, "10.0.0.5", 8081, List.of("v1"), Map.of("zone", "a"));
  private final ConsulCheck alive = ConsulCheck.ttl(name + ":alive", MINUTE);

  private ConsulClient client;

  /** Where the agent listens. */
  abstract URI base() throws Exception;

  /** Whether ids and names may contain a slash; otherwise the agent must reject them. */
  boolean takesSlashes() {
    return true;
  }

  @BeforeEach
  void connect() throws Exception {
    client = new ConsulClient(base());
  }

  @AfterEach
  void removeServices() throws Exception {
    if (client == null) { // There is no agent.
      return;
    }
    for (Service left : client.services().values()) {
      if (left.name().startsWith(name)) {
        client.deregister(left.id());
      }
    }
  }

  @Test
  void registersAndDeregistersAnyNumberOfTimes() throws Exception {
    register(service, alive);
    register(service, alive);
    assertThat(service(service.id())).contains(service);
    assertThat(client.services()).containsEntry(service.id(), service);
    assertThat(awaitEntries(all, one -> one.size() == 1).entries()).hasSize(1);

    client.deregister(service.id());
    client.deregister(service.id());
    assertThat(service(service.id())).isEmpty();
    assertThat(client.services()).doesNotContainKey(service.id());
    assertThat(awaitEntries(all, List::isEmpty).entries()).isEmpty();
  }

  @Test
  void anUnknownServiceHasNoInstances() throws Exception {
    assertThat(service(service.id())).isEmpty();
    assertThat(client.health(passing).entries()).isEmpty();
    assertThat(client.health(passing).index()).isNotZero();
  }

  @Test
  void missingAddressIsThatOfTheNode() throws Exception {
    Service bare = new Service(name + "-1", name, "", 0, List.of(), Map.of());

    register(bare);

    assertThat(service(bare.id())).contains(bare);
    Entry entry = awaitEntries(passing, one -> one.size() == 1).entries().get(0);
    assertThat(entry.node()).isNotEmpty();
    assertThat(entry.service().host()).isEqualTo("127.0.0.1");
    assertThat(entry.status()).isEqualTo(Status.PASSING); // There is no other check.
  }

  @Test
  void aRegistrationReplacesTheOneBefore() throws Exception {
    ConsulCheck gone = ConsulCheck.ttl(name + ":gone", MINUTE).withStatus(Status.CRITICAL);
    register(service, alive.withStatus(Status.PASSING), gone);
    awaitEntries(all, one -> one.size() == 1);

    Service moved = new Service(service.id(), name, "10.0.0.6", 80, List.of("v2"), Map.of());
    register(moved, alive.withStatus(Status.PASSING));

    assertThat(service(moved.id())).contains(moved);
    // The critical check is removed, so the instance is passing.
    awaitEntries(passing, one -> one.size() == 1 && one.get(0).service().equals(moved));
  }

  @Test
  void checkIsCriticalUntilItsFirstRunByDefault() throws Exception {
    Service second = new Service(name + "-2", name, "10.0.0.6", 8082, List.of(), Map.of());
    ConsulCheck good = ConsulCheck.ttl(name + ":good", MINUTE).withStatus(Status.PASSING);

    register(service, alive);
    register(second, good);

    Health both = awaitEntries(all, two -> two.size() == 2);
    assertThat(both.entries())
        .extracting(Entry::service, Entry::status)
        .containsExactlyInAnyOrder(tuple(service, Status.CRITICAL), tuple(second, Status.PASSING));
    assertThat(client.health(passing).entries()).extracting(Entry::service).containsExactly(second);
  }

  @Test
  void anInstanceMustHaveAllTags() throws Exception {
    Service both = new Service(name + "-2", name, "10.0.0.6", 1, List.of("v1", "b c"), Map.of());
    register(service);
    register(both);
    awaitEntries(all, two -> two.size() == 2);

    assertThat(instances("v1")).containsExactlyInAnyOrder(service, both);
    assertThat(instances("b c", "v1")).containsExactly(both);
    assertThat(instances("v1", "v2")).isEmpty();
  }

  @Test
  void staleQueriesAreSupported() throws Exception {
    register(service);
    awaitEntries(all, one -> one.size() == 1);

    HealthQuery stale = new HealthQuery(name, List.of(), true, true, 0, WAIT);

    assertThat(client.health(stale).entries()).extracting(Entry::service).containsExactly(service);
  }

  @Test
  void blockingQueryWithAnOldIndexReturnsAtOnce() throws Exception {
    register(service);
    awaitEntries(passing, one -> one.size() == 1);

    Duration muchLonger = Duration.ofMinutes(10); // than the test may take
    assertThat(client.health(passing.changedSince(1, muchLonger)).entries()).hasSize(1);
  }

  @Test
  void anUpdateChangesTheStatusOfATtlCheck() throws Exception {
    register(service, alive);

    for (Status status : List.of(Status.PASSING, Status.WARNING, Status.CRITICAL)) {
      client.updateTtl(name + ":alive", status, "because");

      assertThat(awaitStatus(status).entries()).hasSize(1);
      assertThat(client.health(passing).entries()).hasSize(status == Status.PASSING ? 1 : 0);
    }
  }

  @Test
  void theAgentReportsTheOutputOfItsChecks() throws Exception {
    ConsulCheck tcp = ConsulCheck.tcp(name + ":tcp", "127.0.0.1:1", Duration.ofHours(1));
    ConsulCheck grpc = ConsulCheck.grpc(name + ":grpc", "127.0.0.1:1/x", Duration.ofHours(1));
    register(service, alive, tcp.withStatus(Status.PASSING), grpc.withStatus(Status.PASSING));
    client.updateTtl(alive.id(), Status.WARNING, "hot\nand humid");

    Entry known = client.instance(service.id()).orElseThrow();

    assertThat(known.service()).isEqualTo(service);
    assertThat(known.status()).isEqualTo(Status.WARNING);
    assertThat(known.checks())
        .containsExactlyInAnyOrder(
            new Result(alive.id(), Status.WARNING, "hot\nand humid"),
            new Result(tcp.id(), Status.PASSING, ""),
            new Result(grpc.id(), Status.PASSING, ""));

    client.updateTtl(alive.id(), Status.CRITICAL, "fire");
    assertThat(client.instance(service.id())).map(Entry::status).contains(Status.CRITICAL);
  }

  @Test
  void aGrpcCheckAsksTheHealthService() throws Exception {
    AtomicBoolean isServing = new AtomicBoolean(true);
    GrpcService grpc =
        new GrpcService(GrpcService.Settings.defaults())
            .addAll(new GrpcHealth(isServing::get).methods());
    HttpServer server =
        new EngineProvider()
            .withProtocols(List.of(new Http2Protocol(Http2Settings.defaults(), grpc)))
            .createHttpServer(new InetSocketAddress("127.0.0.1", 0), 0);
    server.start();
    try {
      String address = "127.0.0.1:" + server.getAddress().getPort();
      ConsulCheck known = ConsulCheck.grpc(name + ":grpc", address, Duration.ofSeconds(1));
      ConsulCheck unknown = ConsulCheck.grpc(name + ":x", address + "/x", Duration.ofSeconds(1));
      register(service, known, unknown);
      String success = "gRPC check " + address + ": success";
      awaitResult(new Result(known.id(), Status.PASSING, success));
      awaitResult(
          new Result(
              unknown.id(), Status.CRITICAL, "rpc error: code = NotFound desc = unknown service"));

      isServing.set(false);
      awaitResult(
          new Result(
              known.id(), Status.CRITICAL, "gRPC application didn't report service healthy"));
    } finally {
      server.stop(0);
    }
  }

  private void awaitResult(Result expected) throws Exception {
    Eventually.within(
        WAIT,
        () -> assertThat(client.instance(service.id()).orElseThrow().checks()).contains(expected));
  }

  @Test
  void theCatalogueHasAllInstancesHealthyOrNot() throws Exception {
    Service bare = new Service(name + "-2", name, "", 80, List.of("v1", "v2"), Map.of());
    register(service, alive.withStatus(Status.CRITICAL));
    register(bare);
    awaitEntries(all, two -> two.size() == 2);

    ConsulCatalog catalog = new ConsulCatalog(client);
    assertThat(catalog.instances(name, List.of("v1"))).hasSize(2).contains(service);
    assertThat(catalog.instances(name, List.of("v1", "v2")))
        .containsExactly(new Service(bare.id(), name, "127.0.0.1", 80, bare.tags(), Map.of()));
    assertThat(catalog.instances(name + "-none", List.of())).isEmpty();
  }

  @Test
  void servicesAreWatchedWithTheTagsInUse() throws Exception {
    try (ConsulServices services = new ConsulServices(client)) {
      assertThat(services.awaitFirst(WAIT)).isTrue();
      assertThat(services.snapshot()).containsKey("consul").doesNotContainKey(name);
      Semaphore changes = new Semaphore(0);
      services.onChange(changes::release);

      register(service);
      register(new Service(name + "-2", name, "", 80, List.of("b", "a"), Map.of()));
      awaitTags(services, changes, List.of("a", "b", "v1"));

      client.deregister(service.id());
      awaitTags(services, changes, List.of("a", "b"));
      client.deregister(name + "-2");
      awaitTags(services, changes, null);
      assertThat(services.failure()).isEmpty();
    }
  }

  private void awaitTags(ConsulServices services, Semaphore changes, List<String> tags)
      throws Exception {
    while (!Objects.equals(services.snapshot().get(name), tags)) {
      assertThat(changes.tryAcquire(WAIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    }
  }

  /** More than the 200 connections that Consul allows one client. */
  int cycles() {
    return 250;
  }

  @Test
  @Timeout(180)
  void anyNumberOfWatchesAndRegistrationsLeavesNothingBehind() throws Exception {
    cycle(0); // Makes what is made once: the HTTP client that all share.
    long openBefore = openFiles();

    for (int i = 1; i <= cycles(); i++) {
      cycle(i);
    }

    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .noneMatch(thread -> thread.contains(name));
    Eventually.within(WAIT, () -> assertThat(openFiles()).isLessThan(openBefore + 10));
    assertThat(client.services().values()).noneMatch(left -> left.name().equals(name));
  }

  /** Comes, is found and called, and goes, with clients of its own. */
  private void cycle(int number) throws Exception {
    Service self = new Service(name + "-1", name, "10.0.0.5", 1 + number, List.of(), Map.of());
    AtomicInteger listened = new AtomicInteger();
    try (Registration registration =
            new ConsulRegistration(
                new ConsulClient(base()), self, List.of(alive.withStatus(Status.PASSING)));
        Instances instances = new ConsulInstances(new ConsulClient(base()), name);
        BalancedEndpoint<String, Integer> balanced =
            new BalancedEndpoint<>(
                name,
                instances,
                instance -> (context, request) -> instance.port(),
                new RoundRobinPicker()::pick)) {
      instances.onChange(listened::incrementAndGet);
      registration.start();
      assertThat(balanced.call(Context.background(), "")).isEqualTo(1 + number);
    }
    assertThat(listened.get()).isPositive();
  }

  private static long openFiles() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
        ? unix.getOpenFileDescriptorCount()
        : 0;
  }

  @Test
  void anHttpCheckFollowsTheStatusOfItsTarget() throws Exception {
    try (FakeConsul target = new FakeConsul()) {
      target.on("GET", "/health").answer(200, "ok");
      ConsulCheck check =
          ConsulCheck.http(name + ":up", target.uri() + "/health", Duration.ofSeconds(1))
              .withTimeout(Duration.ofMillis(900))
              .withDeregisterAfter(MINUTE);
      register(service, check);
      assertThat(awaitStatus(Status.PASSING).entries()).hasSize(1);
      assertThat(client.instance(service.id()).orElseThrow().checks().get(0).output())
          .startsWith("HTTP GET " + target.uri() + "/health: 200")
          .endsWith("ok");

      target.on("GET", "/health").answer(429, "busy");
      assertThat(awaitStatus(Status.WARNING).entries()).hasSize(1);
      assertThat(client.health(passing).entries()).isEmpty();

      target.on("GET", "/health").answer(503, "draining");
      assertThat(awaitStatus(Status.CRITICAL).entries()).hasSize(1);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"a b", "a?b=c&d", "a#b", "100%", "a%2Fb", "a+b;c", "\"a'", "straße", "日本語", "😀"})
  void anyIdWorks(String suffix) throws Exception {
    String id = name + suffix;
    Service odd = new Service(id, name, "10.0.0.5", 80, List.of(suffix), Map.of("of", suffix));

    register(odd, ConsulCheck.ttl(id, MINUTE));
    client.updateTtl(id, Status.PASSING, suffix);

    assertThat(service(id)).contains(odd);
    assertThat(awaitStatus(Status.PASSING).entries()).extracting(Entry::service).contains(odd);
    assertThat(instances(suffix)).containsExactly(odd);
    client.deregister(id);
    assertThat(service(id)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a/b", "a/", "日本/語"})
  void idWithASlashWorksOrIsRejected(String suffix) throws Exception {
    if (takesSlashes()) {
      anyIdWorks(suffix);
    } else {
      assertRejected(new Service(name + suffix, name, "10.0.0.5", 80, List.of(), Map.of()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {" b", "?b", "%2F", "é"})
  void anyNameWorks(String suffix) throws Exception {
    Service odd = new Service(name, name + suffix, "10.0.0.5", 80, List.of(), Map.of());

    register(odd);

    HealthQuery query = HealthQuery.passing(odd.name(), List.of());
    assertThat(awaitEntries(query, one -> one.size() == 1).entries())
        .extracting(Entry::service)
        .containsExactly(odd);
  }

  @Test
  void nameWithASlashWorksOrIsRejected() throws Exception {
    if (takesSlashes()) {
      anyNameWorks("/b");
    } else {
      assertRejected(new Service(name, name + "/b", "10.0.0.5", 80, List.of(), Map.of()));
    }
  }

  private void assertRejected(Service odd) throws Exception {
    assertThatThrownBy(() -> register(odd))
        .isInstanceOfSatisfying(ConsulException.class, e -> assertThat(e.status()).isEqualTo(400));
    assertThat(client.services()).doesNotContainKey(odd.id());
  }

  private void register(Service service, ConsulCheck... checks) throws Exception {
    client.register(service, Stream.of(checks).map(ConsulCheck::definition).toList());
  }

  private Optional<Service> service(String id) throws Exception {
    return client.instance(id).map(Entry::service);
  }

  private List<Service> instances(String... tags) throws Exception {
    Health health = client.health(HealthQuery.passing(name, List.of(tags)));
    return health.entries().stream().map(Entry::service).toList();
  }

  private Health awaitStatus(Status status) throws Exception {
    return awaitEntries(
        all, entries -> !entries.isEmpty() && entries.stream().allMatch(e -> e.status() == status));
  }

  /** Repeats the query each time that there is news, until the instances are as wanted. */
  private Health awaitEntries(HealthQuery query, Predicate<List<Entry>> wanted) throws Exception {
    Health health = client.health(query);
    for (int round = 0; round < 10 && !wanted.test(health.entries()); round++) {
      health = client.health(query.changedSince(Math.max(1, health.index()), WAIT));
    }
    assertThat(wanted.test(health.entries())).as("as wanted: %s", health).isTrue();
    return health;
  }
}
