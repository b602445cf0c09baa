// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Supplier;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.PeerException;
import kit.http.Json;
import kit.http.client.EachAddressClient;
import kit.http.client.HttpEndpoint;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports spans to Zipkin in the background, without blocking callers.
 *
 * <pre>{@code
 * ZipkinReporter reporter =
 *     new ZipkinReporter(URI.create("http://127.0.0.1:9411"), "userservice", http.address());
 * Tracing tracing = new Tracing(0.1, reporter);
 * ...
 * reporter.close(); // flushes the queue
 * }</pre>
 *
 * <p>Spans are queued (10,000 at most) and sent in batches, every second or as soon as there are
 * 100. Spans that do not fit into the queue or that Zipkin rejects are dropped and counted, without
 * a retry. An outage is logged in two lines, its beginning and its end.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. It has one thread of its own, which {@link #close} ends within a second.
 *
 * <p>Source: <a href="https://zipkin.io/zipkin-api/">Zipkin's API</a>, version 2, {@code POST
 * /api/v2/spans}.
 */
public final class ZipkinReporter implements Consumer<Span>, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ZipkinReporter.class);

  private static final int CAPACITY = 10_000; // A few MB.
  private static final int BATCH = 100; // About 50 KB; Zipkin accepts 5 MB.
  private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(1);
  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);

  private final URI spansUri;
  private final Map<String, Object> localEndpoint;
  private final int capacity;
  private final Supplier<HttpClient> newClient;
  private final LongAdder dropped = new LongAdder();
  private final Thread thread;

  private final ArrayDeque<Span> waiting = new ArrayDeque<>(); // Guarded by itself.
  private boolean closed; // Guarded by waiting.

  // Confined to the thread.
  // Created for the first batch: it takes longer than the rest of the start.
  private Endpoint<List<?>, Void> endpoint;
  private boolean isOut;

  /**
   * Creates a reporter to the Zipkin at {@code zipkin}, such as {@code http://127.0.0.1:9411}.
   *
   * @param service the service name of the spans
   * @param local the advertised address of the service; null if unknown. Only an IP address is
   *     sent: no name, and not 0.0.0.0 or ::
   */
  public ZipkinReporter(URI zipkin, String service, InetSocketAddress local) {
    this(zipkin, service, local, () -> EachAddressClient.over(HttpEndpoint.newClient()));
  }

  /** As above; the client that {@code newClient} returns sends the spans. */
  public ZipkinReporter(
      URI zipkin, String service, InetSocketAddress local, Supplier<HttpClient> newClient) {
    this(zipkin, service, local, CAPACITY, newClient);
  }

  ZipkinReporter(
      URI zipkin,
      String service,
      InetSocketAddress local,
      int capacity,
      Supplier<HttpClient> newClient) {
    if (zipkin.getRawAuthority().indexOf('@') >= 0) { // Log lines name the address.
      throw new IllegalArgumentException("user info in the address of Zipkin");
    }
    this.spansUri = zipkin.resolve("/api/v2/spans");
    this.localEndpoint = endpoint(requireNonNull(service, "service"), local);
    this.capacity = capacity;
    this.newClient = requireNonNull(newClient, "newClient");
    this.thread = new Thread(this::run, "zipkin-reporter");
    this.thread.setDaemon(true);
    this.thread.start();
  }

  @Override
  public void accept(Span span) {
    requireNonNull(span, "span");
    synchronized (waiting) {
      if (!closed && waiting.size() < capacity) {
        waiting.add(span);
        if (waiting.size() == 1 || waiting.size() == BATCH) {
          waiting.notifyAll();
        }
        return;
      }
    }
    dropped.increment();
  }

  /** Returns how many spans were lost. */
  public long dropped() {
    return dropped.sum();
  }

  private void run() {
    try {
      for (List<Span> batch = nextBatch(); !batch.isEmpty(); batch = nextBatch()) {
        send(batch);
      }
    } catch (InterruptedException e) {
      // Only close() interrupts, after its timeout.
    } finally {
      synchronized (waiting) {
        closed = true;
        dropped.add(waiting.size());
        waiting.clear();
      }
    }
  }

  /** Waits for spans; an empty list means that the reporter is closed. */
  private List<Span> nextBatch() throws InterruptedException {
    List<Span> batch = new ArrayList<>(BATCH);
    synchronized (waiting) {
      while (waiting.isEmpty() && !closed) {
        waiting.wait();
      }
      long deadlineNanos = System.nanoTime() + INTERVAL_NANOS;
      long left = INTERVAL_NANOS;
      while (waiting.size() < BATCH && !closed && left > 0) {
        TimeUnit.NANOSECONDS.timedWait(waiting, left);
        left = deadlineNanos - System.nanoTime();
      }
      while (batch.size() < BATCH && !waiting.isEmpty()) {
        batch.add(waiting.poll());
      }
    }
    return batch;
  }

  private void send(List<Span> batch) throws InterruptedException {
    boolean isTaken = false;
    try {
      endpoint = endpoint == null ? endpoint() : endpoint;
      endpoint.call(
          Context.background().withTimeout(REQUEST_TIMEOUT),
          batch.stream().map(this::json).toList());
      isTaken = true;
      log(true, "");
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      log(false, LogSafe.of(e instanceof PeerException ? e.getMessage() : e));
    } finally {
      dropped.add(isTaken ? 0 : batch.size());
    }
  }

  private Endpoint<List<?>, Void> endpoint() {
    return new HttpEndpoint<>(
        newClient.get(),
        spansUri,
        (context, uri, spans) ->
            HttpRequest.newBuilder(uri)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(Json.write(spans))),
        (context, response) -> null);
  }

  private void log(boolean isTaken, String why) {
    if (isTaken && isOut) {
      log.info("Zipkin at {} recovered; {} spans were dropped", spansUri, dropped());
    } else if (!isTaken && !isOut) {
      log.warn("Zipkin at {} does not accept spans ({}); dropping them", spansUri, why);
    }
    isOut = !isTaken;
  }

  private Map<String, Object> json(Span span) {
    TraceContext trace = span.trace();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("traceId", trace.traceId());
    json.put("id", TraceContext.hex(trace.spanId()));
    if (trace.parentId() != 0) {
      json.put("parentId", TraceContext.hex(trace.parentId()));
    }
    if (span.kind() != Span.Kind.LOCAL) { // Zipkin's local spans have no kind.
      json.put("kind", span.kind().name());
    }
    json.put("name", span.name());
    json.put("timestamp", span.startMicros());
    json.put("duration", span.durationMicros());
    json.put("localEndpoint", localEndpoint);
    Map<String, Object> remoteEndpoint = endpoint(null, span.remote());
    if (!remoteEndpoint.isEmpty()) {
      json.put("remoteEndpoint", remoteEndpoint);
    }
    json.put("tags", span.tags());
    return json;
  }

  private static Map<String, Object> endpoint(String service, InetSocketAddress address) {
    Map<String, Object> json = new LinkedHashMap<>();
    if (service != null) {
      json.put("serviceName", service);
    }
    String ip = address == null ? "" : ip(address);
    if (!ip.isEmpty()) {
      json.put(ip.indexOf(':') < 0 ? "ipv4" : "ipv6", ip);
      json.put("port", address.getPort());
    }
    return json;
  }

  /** Returns the IP address, or an empty text for a name or a wildcard. */
  private static String ip(InetSocketAddress address) {
    String host =
        address.isUnresolved() ? address.getHostString() : address.getAddress().getHostAddress();
    boolean isIp = host.indexOf(':') >= 0 || host.matches("[0-9]+([.][0-9]+){3}");
    boolean isWildcard = host.matches("[0.:]+");
    return isIp && !isWildcard ? host.replaceFirst("%.*", "") : ""; // Without a zone.
  }

  /** Flushes the queue, for at most a second, and accepts no more spans. */
  @Override
  public void close() {
    close(CLOSE_PATIENCE);
  }

  /** As above, for at most {@code patience}. */
  public void close(Duration patience) {
    synchronized (waiting) {
      closed = true;
      waiting.notifyAll();
    }
    try {
      TimeUnit.NANOSECONDS.timedJoin(thread, patience.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    thread.interrupt(); // Does nothing to a thread that has ended.
  }
}
