// SPDX-License-Identifier: Apache-2.0
package embedding;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.security.Key;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import kit.auth.Jwt;
import kit.auth.KeyFile;
import kit.auth.PasswordFile;
import kit.balancer.LeastLoadedPicker;
import kit.balancer.RandomPicker;
import kit.balancer.RoundRobinPicker;
import kit.balancer.WeightedRoundRobinPicker;
import kit.breaker.CircuitBreaker;
import kit.cli.Flags;
import kit.consul.ConsulClient;
import kit.etcd.EtcdClient;
import kit.eureka.EurekaClient;
import kit.grpc.ProtobufReader;
import kit.grpc.ProtobufWriter;
import kit.http.RequestTarget;
import kit.http.Router;
import kit.log.KeyValueLog;
import kit.metrics.Metrics;
import kit.nacos.NacosClient;
import kit.ratelimit.TokenBucket;
import kit.retry.Backoff;
import kit.retry.RetryBudget;
import kit.tracing.TraceContext;
import kit.zookeeper.ZooKeeperClient;
import kit.zookeeper.ZooKeeperClient.Mode;

/** A use of each part in the code of a project that copied it; docs/embedding.md quotes them. */
final class Uses {
  private Uses() {}

  // docs: TokenBucket
  static String limited(TokenBucket bucket) { // new TokenBucket(100, 20): 100 a second, 20 at once
    long waitNanos = bucket.tryAcquireNanos();
    if (waitNanos > 0) {
      return "429, Retry-After: " + TimeUnit.NANOSECONDS.toSeconds(waitNanos + 999_999_999);
    }
    return "200 OK";
  }

  // end of TokenBucket

  static CircuitBreaker breakerFor(String server, Consumer<String> log) {
    return new CircuitBreaker(
        CircuitBreaker.Settings.defaults(), System::nanoTime, state -> log.accept(server + state));
  }

  // docs: CircuitBreaker
  static String ask(CircuitBreaker breaker, Callable<String> server) throws Exception {
    try {
      return breaker.call(server);
    } catch (CircuitBreaker.OpenException e) {
      return "the last known response"; // The server was not called.
    }
  }

  // end of CircuitBreaker

  // docs: Backoff
  static long pauseNanos(int failedAttempts) { // At most 10 ms after the first, 20 ms, ... 1 s.
    return new Backoff(Duration.ofMillis(10), Duration.ofSeconds(1)).nanos(failedAttempts);
  }

  // end of Backoff

  // docs: RetryBudget
  static String callWithBudget(RetryBudget budget, Callable<String> call) throws Exception {
    try {
      String response = call.call();
      budget.succeeded();
      return response;
    } catch (IOException e) {
      if (!budget.failed()) {
        throw e; // Too many calls fail: a retry would only add load.
      }
      return call.call();
    }
  }

  // end of RetryBudget

  // docs: RoundRobinPicker
  static String nextOf(RoundRobinPicker turns, List<String> servers) { // Keep one picker.
    return turns.pick(servers); // The list may change from call to call.
  }

  // end of RoundRobinPicker

  // docs: WeightedRoundRobinPicker
  record Host(String name, int cpus) {}

  static Host nextByCpus(WeightedRoundRobinPicker turns, List<Host> hosts) {
    return turns.pick(hosts, Host::cpus);
  }

  // end of WeightedRoundRobinPicker

  // docs: RandomPicker
  static String randomOf(RandomPicker random, List<String> servers) {
    return random.pick(servers);
  }

  // end of RandomPicker

  // docs: LeastLoadedPicker
  record Server(String name, AtomicInteger callsInFlight) {}

  static Server leastLoaded(LeastLoadedPicker picker, List<Server> servers) {
    return picker.pick(servers, server -> server.callsInFlight().get()); // Each call counts.
  }

  // end of LeastLoadedPicker

  // docs: RequestTarget
  static String tags(String rawTarget, String hostHeader) {
    try {
      RequestTarget target = RequestTarget.parse(rawTarget, hostHeader);
      return target.segments() + " has " + target.queryAll("tag");
    } catch (RequestTarget.InvalidException e) {
      return e.status() + " " + e.getMessage(); // Safe to send to the client.
    }
  }

  // end of RequestTarget

  // docs: Router
  private static final Router<String> ROUTER =
      new Router<String>()
          .route("GET", "/user/{uid:\\d+}", "reads")
          .route("DELETE", "/user/{uid:\\d+}", "deletes");

  static String route(String method, List<String> segments) {
    Router.Match<String> match = ROUTER.match(method, segments);
    if (match instanceof Router.Found<String> found) {
      return found.handler() + " user " + found.variables().get("uid");
    } else if (match instanceof Router.MethodNotAllowed<String> other) {
      return "405, Allow: " + String.join(", ", other.allow());
    }
    return "404";
  }

  // end of Router

  // docs: KeyValueLog
  static void logTo(OutputStream stream, String user) {
    KeyValueLog log =
        KeyValueLog.logfmt(stream) // Or json.
            .with("ts", KeyValueLog.timestamp(InstantSource.system()))
            .allowing(KeyValueLog.Level.INFO); // DEBUG is not written.
    log.at(KeyValueLog.Level.WARN).log("event", "login failed", "user", user, "attempts", 3);
  }

  // end of KeyValueLog

  // docs: Metrics
  static Metrics measured(Runnable request, Supplier<Integer> queueLength) {
    Metrics metrics = new Metrics();
    Metrics.Family<Metrics.Counter> requests =
        metrics.counterFamily("requests_total", "Requests served.", "status");
    Metrics.Observer seconds = metrics.histogram("request_seconds", "Time.", Metrics.SECONDS);
    metrics.polledGauge("queue_length", "Jobs.", samples -> samples.add(queueLength.get()));
    long startedAtNanos = System.nanoTime();
    request.run();
    seconds.observe((System.nanoTime() - startedAtNanos) / 1e9);
    requests.labels("200").inc();
    return metrics; // GET /metrics returns metrics.text() as Metrics.CONTENT_TYPE.
  }

  // end of Metrics

  // docs: TraceContext
  static String traceparentOfACall(String received) { // Header traceparent; empty: absent.
    LongSupplier random = ThreadLocalRandom.current()::nextLong;
    TraceContext here =
        TraceContext.parse(received, List.of())
            .map(caller -> caller.child(random))
            .orElseGet(() -> TraceContext.root(0.1, random)); // Samples one new trace in ten.
    return here.child(random).traceparent();
  }

  // end of TraceContext

  // docs: Flags
  static String hello(String... args) {
    Flags flags =
        new Flags("java -jar hello.jar", "Says hello over HTTP.", "HELLO_", System.getenv());
    Supplier<Integer> port = flags.required("port, p", Flags.PORT, "TCP port; 0 = any free port");
    Supplier<Duration> pause = flags.optional("pause", Flags.DURATION, "1s", "wait before the end");
    try {
      flags.parse(args); // -p 8081 --pause=50ms
    } catch (Flags.HelpException | Flags.UsageException e) {
      return e.getMessage(); // To print; exit status 2 for a usage error.
    }
    return "port " + port.get() + ", " + pause.get().toMillis() + " ms";
  }

  // end of Flags

  // docs: PasswordFile
  static boolean isKnown(Path file, String name, String password) throws IOException {
    PasswordFile users = PasswordFile.read(file); // Once, at start.
    return users.verify(name, password); // Slow by design: limit the rate.
  }

  // end of PasswordFile

  static String lineForTheFile(String name, String password) {
    return PasswordFile.line(name, password, new SecureRandom());
  }

  // docs: KeyFile
  static String kindOfKey(Path file) throws IOException {
    KeyFile keys = KeyFile.read(file); // The exception names the file and the problem.
    return keys.verifying().getAlgorithm() + (keys.signing().isPresent() ? " signs" : " verifies");
  }

  // end of KeyFile

  // docs: Jwt
  static String loggedIn(Key secret, String user) {
    Jwt.Signer signer = new Jwt.Signer(Jwt.Algorithm.HS256, secret, InstantSource.system());
    return signer.sign(Map.of("sub", user, "aud", "userservice"), Duration.ofHours(1));
  }

  // In another process with the same key. The reason of the exception is for the log.
  static String callerOf(String token, Key secret) throws Jwt.InvalidException {
    Jwt.Expected expected = Jwt.Expected.anyIssuer().withAudience("userservice");
    Jwt.Verifier verifier =
        new Jwt.Verifier(Jwt.Algorithm.HS256, secret, expected, InstantSource.system());
    return verifier.verify(token).subject();
  }

  // end of Jwt

  // docs: ConsulClient
  static ConsulClient.Health register(ConsulClient consul) throws Exception {
    consul.register(
        new ConsulClient.Service("web-1", "web", "10.0.0.5", 8081, List.of("v1"), Map.of()),
        List.of(Map.of("CheckID", "web-1:up", "TTL", "15s")));
    consul.updateTtl("web-1:up", ConsulClient.Status.PASSING, "all is well"); // Every 5 seconds.
    return consul.health(ConsulClient.HealthQuery.passing("web", List.of("v1")));
  }

  // end of ConsulClient

  static ConsulClient.Health awaitNews(ConsulClient consul, ConsulClient.Health known)
      throws Exception {
    var all = ConsulClient.HealthQuery.passing("web", List.of("v1"));
    return consul.health(all.changedSince(known.index(), Duration.ofMinutes(1)));
  }

  // docs: EtcdClient
  // new EtcdClient(List.of(URI.create("http://10.0.0.1:2379")), httpClient, Duration.ofSeconds(3))
  static long registerAndWatch(EtcdClient etcd, Predicate<List<EtcdClient.Event>> news)
      throws Exception {
    long lease = etcd.grant(Duration.ofSeconds(10)); // etcd.keepAlive(lease), every 3 seconds
    etcd.put("/services/web/web-1", "10.0.0.5:8081", lease);
    long next = etcd.list("/services/web/").revision() + 1;
    etcd.watch("/services/web/", next, Duration.ofMinutes(1), news); // Until it returns false.
    return lease;
  }

  // end of EtcdClient

  // docs: NacosClient
  static List<NacosClient.Instance> registerAndList(NacosClient nacos) throws Exception {
    NacosClient.Service web = NacosClient.Service.of("web");
    NacosClient.Instance here = NacosClient.Instance.of("10.0.0.5", 8081);
    if (!nacos.heartbeat(web, here)) { // Every 5 seconds.
      nacos.register(web, here);
    }
    return nacos.list(web, List.of()).stream().filter(NacosClient.Instance::isHealthy).toList();
  }

  // end of NacosClient

  // docs: ZooKeeperClient
  static void registerAndWatch(ZooKeeperClient zooKeeper, Predicate<List<String>> news)
      throws Exception {
    zooKeeper.createParents("/services/web");
    zooKeeper.create("/services/web/web-", "10.0.0.5:8081", Mode.EPHEMERAL_SEQUENTIAL);
    while (news.test(zooKeeper.children("/services/web", true).orElse(List.of()))) {
      zooKeeper.await(Duration.ofMinutes(1)); // Until a change; keeps the session alive.
    }
  }

  // end of ZooKeeperClient

  // docs: EurekaClient
  static boolean registerAndFind(EurekaClient eureka) throws Exception {
    EurekaClient.Instance here =
        EurekaClient.Instance.of("web", "web-1", "10.0.0.5", 8081, Map.of());
    if (!eureka.heartbeat("web", "web-1")) { // Every 10 seconds.
      eureka.register(here, Duration.ofSeconds(10));
    }
    return eureka.app("web").stream().anyMatch(EurekaClient.Instance::isUp);
  }

  // end of EurekaClient

  // docs: ProtobufWriter
  static byte[] user(long uid, String name) { // message User { int64 uid = 1; string name = 2; }
    return new ProtobufWriter().writeInt(1, uid).writeString(2, name).toBytes();
  }

  // end of ProtobufWriter

  // docs: ProtobufReader
  static String nameOf(byte[] user) throws IOException {
    String name = ""; // What is absent has the default.
    for (ProtobufReader message = new ProtobufReader(user); message.next(); ) {
      name = message.field() == 2 ? message.readString() : name;
    }
    return name;
  }

  // end of ProtobufReader
}
