// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.net.URI;
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
 * Sends spans to Zipkin in the background, and never holds anybody up.
 *
 * <pre>{@code
 * ZipkinReporter reporter =
 *     new ZipkinReporter(URI.create("http://127.0.0.1:9411"), "userservice", http.address());
 * Tracing tracing = new Tracing(0.1, reporter);
 * ...
 * reporter.close(); // sends what it still has
 * }</pre>
 *
 * <p>Spans wait in a queue of 10,000 and leave in batches, after a second or as soon as there are
 * 100. What does not fit into the queue, and what Zipkin does not take, is dropped and counted:
 * traces are for looking at, and not worth a retry. An outage is logged in two lines, its beginning
 * and its end.
 *
 * <h2>Threads</h2>
 *
 * <p>Safe for any number of threads. It has one of its own, which {@link #close} ends, within a
 * second.
 *
 * <p>Source: <a href="https://zipkin.io/zipkin-api/">Zipkin's API</a>, version 2, {@code POST
 * /api/v2/spans}.
 */
public final class ZipkinReporter implements Consumer<Span>, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ZipkinReporter.class);

  private static final int CAPACITY = 10_000; // Some MB.
  private static final int BATCH = 100; // About 50 KB; Zipkin takes 5 MB.
  private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(1);
  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);

  private final URI spansUri;
  private final Map<String, Object> localEndpoint;
  private final int capacity;
  private final LongAdder sent = new LongAdder();
  private final LongAdder dropped = new LongAdder();
  private final Thread thread;

  private final ArrayDeque<Span> waiting = new ArrayDeque<>(); // Guarded by itself.
  private boolean closed; // Guarded by waiting.

  // Confined to the thread.
  // Made for the first batch: it takes longer than all the rest of a start.
  private Endpoint<List<?>, Void> endpoint;
  private boolean isOut;

  /**
   * Reports to the Zipkin at {@code zipkin}, such as {@code http://127.0.0.1:9411}.
   *
   * @param service the name under which our spans are shown
   * @param local the address by which other machines call the service; null if it is not known, or
   *     there is none. Only an IP address is sent: no name, and not 0.0.0.0 or ::
   */
  public ZipkinReporter(URI zipkin, String service, InetSocketAddress local) {
    this(zipkin, service, local, CAPACITY);
  }

  ZipkinReporter(URI zipkin, String service, InetSocketAddress local, int capacity) {
    if (zipkin.getRawAuthority().indexOf('@') >= 0) { // Log lines name the address.
      throw new IllegalArgumentException("user info in the address of Zipkin");
    }
    this.spansUri = zipkin.resolve("/api/v2/spans");
    this.localEndpoint = endpoint(requireNonNull(service, "service"), local);
    this.capacity = capacity;
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

  /** How many spans Zipkin has taken. */
  public long sent() {
    return sent.sum();
  }

  /** How many spans were lost. */
  public long dropped() {
    return dropped.sum();
  }

  private void run() {
    try {
      for (List<Span> batch = nextBatch(); !batch.isEmpty(); batch = nextBatch()) {
        send(batch);
      }
    } catch (InterruptedException e) {
      // Only close() interrupts, when the time is up.
    } finally {
      synchronized (waiting) {
        closed = true;
        dropped.add(waiting.size());
        waiting.clear();
      }
    }
  }

  /** Waits for some; none means that this has been closed. */
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
      (isTaken ? sent : dropped).add(batch.size());
    }
  }

  private Endpoint<List<?>, Void> endpoint() {
    return new HttpEndpoint<>(
        EachAddressClient.over(HttpEndpoint.newClient()),
        spansUri,
        (context, uri, spans) ->
            HttpRequest.newBuilder(uri)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(Json.write(spans))),
        (context, response) -> null);
  }

  private void log(boolean isTaken, String why) {
    if (isTaken && isOut) {
      log.info("Zipkin at {} works again; {} spans were dropped", spansUri, dropped());
    } else if (!isTaken && !isOut) {
      log.warn("Zipkin at {} does not take spans ({}); dropping them", spansUri, why);
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
    if (span.kind() != Span.Kind.LOCAL) { // Which is, to Zipkin, what has no kind.
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

  /** Returns the IP address, if it is one of a single machine; else an empty text. */
  private static String ip(InetSocketAddress address) {
    String host =
        address.isUnresolved() ? address.getHostString() : address.getAddress().getHostAddress();
    boolean isIp = host.indexOf(':') >= 0 || host.matches("[0-9]+([.][0-9]+){3}");
    boolean isWildcard = host.matches("[0.:]+");
    return isIp && !isWildcard ? host.replaceFirst("%.*", "") : ""; // Without a zone.
  }

  /** Sends what is waiting, for a second at most, and takes no more. */
  @Override
  public void close() {
    close(CLOSE_PATIENCE);
  }

  /** As above, for {@code patience} at most. */
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
