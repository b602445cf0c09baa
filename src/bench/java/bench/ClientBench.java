// SPDX-License-Identifier: Apache-2.0
package bench;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import kit.Context;
import kit.Endpoint;
import kit.chain.ClientChain;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.http.HttpEndpoint;
import kit.http.HttpService;
import kit.http.Response;

/**
 * How many calls a second 32 callers get through: {@link HttpEndpoint} and {@link ClientChain} beside the
 * JDK's client as such, on several executors.
 *
 * <p>They take turns of half a second, each round in another order, and each round is a ratio to the
 * bare client in the same round; so what disturbs the machine for seconds disturbs all of them.
 */
public final class ClientBench {
  private static final int CALLERS = 32;
  private static final int WARM_UP_ROUNDS = 4;
  private static final long TURN_MILLIS = 500;
  private static final Duration TIMEOUT = Duration.ofSeconds(2);
  private static final Response ANSWER =
      Response.json(200, "{\"result\":\"jerry8081\"}".getBytes(StandardCharsets.UTF_8));

  private ClientBench() {}

  /** Makes one call and returns the length of its answer. */
  @FunctionalInterface
  private interface Contestant {
    int call(int uid) throws Exception;
  }

  /** Runs the number of rounds given; {@code serve} is for its own child process. */
  public static void main(String... args) throws Exception {
    if (args[0].equals("serve")) {
      HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
      http.start((context, request) -> ANSWER);
      System.out.println(http.port());
      return;
    }
    System.setProperty("jdk.httpclient.keepalive.timeout", "20"); // As client.Main does.
    System.setProperty("jdk.httpclient.redirects.retrylimit", "1");
    Process server =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                ClientBench.class.getName(),
                "serve")
            .redirectError(Redirect.INHERIT)
            .start();
    try {
      String port = new BufferedReader(new InputStreamReader(server.getInputStream())).readLine();
      run(contestants(Integer.parseInt(port)), Integer.parseInt(args[0]));
    } finally {
      server.destroyForcibly();
    }
    System.exit(0); // The pools that the JDK's clients make have threads that stay.
  }

  private static Map<String, Contestant> contestants(int port) {
    URI base = URI.create("http://127.0.0.1:" + port);
    HttpClient inline = HttpEndpoint.newClient();
    HttpClient pool = newClient(null);
    Map<String, Contestant> all = new LinkedHashMap<>();
    all.put("HttpClient.send", uid -> send(inline, base, uid));
    all.put("HttpClient.send, once more", uid -> send(inline, base, uid));
    all.put("HttpEndpoint", endpoint(endpoint(inline, base)));
    all.put(
        "ClientChain",
        endpoint(
            new ClientChain<>(
                "userservice",
                Instances.fixed(List.of(Instance.of("127.0.0.1", port))),
                instance -> endpoint(inline, base),
                ClientChain.Settings.<Integer, Integer>defaults().withIdempotent(uid -> true))));
    all.put(
        "HttpClient.sendAsync and get",
        uid ->
            inline
                .sendAsync(request(base, uid).build(), BodyHandlers.ofByteArray())
                .get(TIMEOUT.toNanos(), TimeUnit.NANOSECONDS)
                .body()
                .length);
    all.put("HttpClient.send, JDK's own pool", uid -> send(pool, base, uid));
    virtualThreads(
        threads -> {
          HttpClient client = newClient(threads);
          all.put("HttpClient.send, virtual threads", uid -> send(client, base, uid));
        });
    return all;
  }

  private static HttpClient newClient(Executor executor) {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .proxy(HttpClient.Builder.NO_PROXY);
    return executor == null ? builder.build() : builder.executor(executor).build();
  }

  private static void virtualThreads(Consumer<Executor> use) {
    try {
      use.accept(
          (Executor) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null));
    } catch (ReflectiveOperationException e) {
      // Before JDK 21.
    }
  }

  private static HttpRequest.Builder request(URI base, int uid) {
    return HttpRequest.newBuilder(base.resolve("/user/" + uid));
  }

  private static int send(HttpClient http, URI base, int uid) throws Exception {
    return http.send(request(base, uid).build(), BodyHandlers.ofByteArray()).body().length;
  }

  private static Endpoint<Integer, Integer> endpoint(HttpClient http, URI base) {
    return new HttpEndpoint<>(
        http,
        base,
        (context, uri, uid) -> request(uri, uid),
        (context, response) -> response.body().length);
  }

  private static Contestant endpoint(Endpoint<Integer, Integer> endpoint) {
    return uid -> endpoint.call(Context.background().withTimeout(TIMEOUT), uid);
  }

  private static void run(Map<String, Contestant> contestants, int rounds) throws Exception {
    List<String> names = new ArrayList<>(contestants.keySet());
    Map<String, double[]> rates = new LinkedHashMap<>();
    names.forEach(name -> rates.put(name, new double[rounds]));
    for (int round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (int turn = 0; turn < names.size(); turn++) {
        String name = names.get(Math.floorMod(round * 3 + turn, names.size()));
        double rate = callsPerSecond(contestants.get(name));
        if (round >= 0) {
          rates.get(name)[round] = rate;
        }
      }
    }
    double[] bare = rates.get(names.get(0));
    System.out.printf("| %d callers | calls/s | of the bare client |%n", CALLERS);
    System.out.println("|---|--:|--:|");
    for (String name : names) {
      double[] ratios = new double[rounds];
      for (int round = 0; round < rounds; round++) {
        ratios[round] = rates.get(name)[round] / bare[round];
      }
      System.out.printf("| %s | %.0f | %.2f |%n", name, median(rates.get(name)), median(ratios));
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static double callsPerSecond(Contestant contestant) throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    CountDownLatch start = new CountDownLatch(1);
    List<FutureTask<Long>> callers = new ArrayList<>();
    for (int caller = 0; caller < CALLERS; caller++) {
      int uid = caller;
      Callable<Long> calls =
          () -> {
            start.await();
            long count = 0;
            for (; !over.get(); count++) {
              if (contestant.call(uid) != ANSWER.length()) {
                throw new IllegalStateException("not the answer that was expected");
              }
            }
            return count;
          };
      FutureTask<Long> task = new FutureTask<>(calls);
      callers.add(task);
      new Thread(task).start();
    }
    long startNanos = System.nanoTime();
    start.countDown();
    Thread.sleep(TURN_MILLIS);
    over.set(true);
    long count = 0;
    for (FutureTask<Long> caller : callers) {
      count += caller.get();
    }
    return count * 1e9 / (System.nanoTime() - startNanos);
  }
}
