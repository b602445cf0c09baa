// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A scripted HTTP server in place of Consul or etcd, which sends the responses of the test, faults
 * included. It has no logic of Consul; tests of regular behaviour use a real agent.
 *
 * <pre>{@code
 * fake.on("PUT", "/v1/agent/service/register").answer(500, "boom").answer(200, "");
 * Script health = fake.on("GET", "/v1/health/service/web").answerWithIndex("7", "[]").hang();
 * }</pre>
 *
 * <p>Each request takes the next step of the script of its method and path, the query aside; the
 * last step is for all that follow. Without a script the response is 404.
 */
public final class FakeConsul implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 10; // for what must happen soon

  /** What a client sent; the target is path and query as on the wire. */
  public record Request(String method, String target, Headers headers, String body) {
    public String path() {
      return target.replaceFirst("\\?.*", "");
    }

    @Override
    public String toString() {
      return method + " " + target;
    }
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, Script> scripts = new ConcurrentHashMap<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private final BlockingQueue<Request> arrivals = new LinkedBlockingQueue<>();
  private final Semaphore abandoned = new Semaphore(0);

  public FakeConsul() throws IOException {
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** {@code http://127.0.0.1:port}. */
  public URI uri() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** A script for these requests; its first step puts it in the place of an older one. */
  public Script on(String method, String path) {
    return new Script(method + " " + path);
  }

  /** The oldest request that was not yet awaited. */
  public Request awaitRequest() throws InterruptedException {
    Request request = arrivals.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (request == null) {
      throw new AssertionError("no further request after " + requests);
    }
    return request;
  }

  /** Returns the next request of this kind; earlier ones of other kinds are skipped. */
  public Request awaitRequest(String method, String path) throws InterruptedException {
    Request request = awaitRequest();
    while (!(request.method() + request.path()).equals(method + path)) {
      request = awaitRequest();
    }
    return request;
  }

  /** All requests so far. */
  public List<Request> requests() {
    return List.copyOf(requests);
  }

  /** Waits until a client has closed its connection in the middle of a {@link Script#trickle}. */
  public void awaitAbandoned() throws InterruptedException {
    if (!abandoned.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("no client went away after " + requests);
    }
  }

  /** Ends all connections, hanging ones as well. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) {
    try (exchange) {
      String method = exchange.getRequestMethod();
      String target = exchange.getRequestURI().toString();
      String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
      Request request = new Request(method, target, exchange.getRequestHeaders(), body);
      requests.add(request);
      arrivals.add(request);
      Script script = scripts.get(method + " " + request.path());
      Step step = script == null ? unknown -> unknown.sendResponseHeaders(404, -1) : script.next();
      step.answer(exchange);
    } catch (IOException | InterruptedException e) {
      // The client went away, or the test is over.
    }
  }

  private interface Step {
    void answer(HttpExchange exchange) throws IOException, InterruptedException;
  }

  /** What to do with the requests to one path: a step for each of them. */
  public final class Script {
    private final String target;
    private final Step hanging = this::hang;
    private final Semaphore releases = new Semaphore(0);
    private final Deque<Step> steps = new ArrayDeque<>(); // Guarded by "this".

    private Script(String target) {
      this.target = target;
    }

    /** Adds a response; the headers are names and values in turn. */
    public Script answer(int status, String body, String... headers) {
      return then(
          exchange -> {
            for (int i = 0; i < headers.length; i += 2) {
              exchange.getResponseHeaders().add(headers[i], headers[i + 1]);
            }
            byte[] bytes = body.getBytes(UTF_8);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
          });
    }

    /** Adds a response 200 with an index, which may be any text. */
    public Script answerWithIndex(String index, String body) {
      return answer(200, body, "X-Consul-Index", index);
    }

    /** Waits for {@link #release}, then takes the next step; {@link #drop} if it is the last. */
    public Script hang() {
      return then(hanging);
    }

    /** Adds a response 200 that sends so many spaces every 10 ms, until the client disconnects. */
    public Script trickle(int bytes) {
      return trickle("", bytes);
    }

    /** As above, with something to begin with; ends with {@link #release}, too. */
    public Script trickle(String begin, int bytes) {
      byte[] chunk = " ".repeat(bytes).getBytes(UTF_8);
      return then(
          exchange -> {
            exchange.sendResponseHeaders(200, 0);
            try {
              exchange.getResponseBody().write(begin.getBytes(UTF_8));
              while (!releases.tryAcquire(10, TimeUnit.MILLISECONDS)) {
                exchange.getResponseBody().write(chunk);
                exchange.getResponseBody().flush();
              }
            } catch (IOException e) {
              abandoned.release();
            }
          });
    }

    /** Closes the connection; the JDK's client then sends a GET again, which takes a step, too. */
    public Script drop() {
      return then(exchange -> {});
    }

    /** Ends the wait of one hanging request, the next one to come if there is none. */
    public void release() {
      releases.release();
    }

    private synchronized Script then(Step step) {
      steps.add(step);
      scripts.put(target, this);
      return this;
    }

    private synchronized Step next() {
      return steps.size() > 1 ? steps.remove() : steps.element();
    }

    private void hang(HttpExchange exchange) throws IOException, InterruptedException {
      releases.acquire();
      Step step = next();
      if (step != hanging) {
        step.answer(exchange);
      }
    }
  }
}
