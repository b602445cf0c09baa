// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.StatusException;
import kit.http.EndpointHandler;
import kit.http.Problem;
import kit.http.Request;
import kit.http.RequestBody;
import kit.http.RequestId;
import kit.http.RequestSummary;
import kit.http.RequestTarget;
import kit.http.Response;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Carries one request after the other between the JDK's server and the handler. */
final class ExchangeHandler implements HttpHandler {
  // What the JDK's server does not forgive, found out by trying:
  // - An Error that leaves handle() kills the worker and leaves the client waiting for ever. So
  //   nothing but IOException leaves it; upon that the JDK closes the connection.
  // - A handler that returns without an answer leaves the client waiting, too.

  private static final Logger log = LoggerFactory.getLogger(HttpService.class);

  private static final long CLOCK_DRIFT_NANOS = 100_000_000; // The JDK counts on another clock.

  private final int maxInFlight;
  private final Set<String> ungated;
  private final LongSupplier nanoTime;
  private final List<EndpointHandler.Before> before = new CopyOnWriteArrayList<>();
  private final List<Consumer<RequestSummary>> finalizers = new CopyOnWriteArrayList<>();
  private final AtomicInteger inFlight = new AtomicInteger();
  private final Object idle = new Object(); // Notified when inFlight has come down to 0.

  private volatile Endpoint<Request, Response> handler;
  private volatile boolean draining;
  private volatile boolean closesConnections; // With each answer.
  private volatile long lastCameAtNanos; // Since draining.

  ExchangeHandler(int maxInFlight, Set<String> ungated, LongSupplier nanoTime) {
    this.maxInFlight = maxInFlight;
    this.ungated = ungated;
    this.nanoTime = nanoTime;
  }

  void serve(Endpoint<Request, Response> handler) {
    this.handler = handler;
  }

  void before(EndpointHandler.Before function) {
    before.add(function);
  }

  void onCompleted(Consumer<RequestSummary> finalizer) {
    finalizers.add(finalizer);
  }

  void drain() {
    if (!draining) {
      lastCameAtNanos = nanoTime.getAsLong();
      draining = true;
    }
  }

  boolean isDraining() {
    return draining;
  }

  /** Has each answer close its connection, or not. Returns whether it did before. */
  boolean closeConnections(boolean close) {
    boolean before = closesConnections;
    closesConnections = close;
    return before;
  }

  /** Whether a request has come within this time. To be called while draining. */
  boolean isBusy(Duration quiet) {
    return nanoTime.getAsLong() - lastCameAtNanos < quiet.toNanos();
  }

  int inFlight() {
    return inFlight.get();
  }

  /**
   * Waits until nothing is in flight and nothing has come for as long as {@code quiet}, but at most
   * {@code patience}; returns whether nothing is in flight. To be called while draining.
   */
  boolean awaitIdle(Duration quiet, Duration patience) throws InterruptedException {
    long startedAtNanos = nanoTime.getAsLong();
    synchronized (idle) {
      while (true) {
        long now = nanoTime.getAsLong();
        boolean isIdle = inFlight.get() == 0;
        long patienceNanos = startedAtNanos + patience.toNanos() - now;
        long quietNanos = lastCameAtNanos + quiet.toNanos() - now;
        if (isIdle && quietNanos <= 0 || patienceNanos <= 0) {
          return isIdle;
        }
        TimeUnit.NANOSECONDS.timedWait(
            idle, isIdle ? Math.min(quietNanos, patienceNanos) : patienceNanos);
      }
    }
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    int concurrent = inFlight.incrementAndGet();
    if (draining) {
      lastCameAtNanos = nanoTime.getAsLong();
    }
    try {
      new Exchange(exchange).answer(concurrent > maxInFlight);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IOException("answer failed", e);
    } finally {
      if (inFlight.decrementAndGet() == 0 && draining) {
        synchronized (idle) {
          idle.notifyAll();
        }
      }
    }
  }

  /** One request and its answer. */
  private final class Exchange implements Request.Tracker {
    private final long startedAtNanos = nanoTime.getAsLong();
    private final HttpExchange exchange;
    private final RequestHead head;
    private final RequestBody requestBody;
    private final ResponseSender sender;
    private final List<Consumer<RequestSummary>> own = new ArrayList<>(0); // Of this request.

    private Context context;
    private boolean isUnderstood; // Whether the head is a request.
    private String route = Request.NO_ROUTE;
    private Throwable error;

    Exchange(HttpExchange exchange) {
      this.exchange = exchange;
      this.head = new RequestHead(exchange);
      this.requestBody = new RequestBody(exchange.getRequestBody(), head.bodyLength());
      this.sender = new ResponseSender(exchange, head.method().equals("HEAD"));
      this.context = Context.background().with(RequestId.KEY, head.requestId());
    }

    void answer(boolean full) throws IOException {
      Response response = responseOrProblem(full);
      // A flag that the handler left behind would close the channel in the middle of the answer.
      Thread.interrupted();
      try {
        sender.send(response, head.requestId(), isLast());
      } catch (Throwable e) {
        error = error == null ? e : error;
        if (!sender.isBroken()) {
          logFailure(e, 500);
        } else {
          logTimeLimit();
        }
        throw e;
      } finally {
        complete();
      }
    }

    private Response responseOrProblem(boolean full) {
      try {
        Response response = response(full);
        error = response.error(); // What an error encoder has made this answer of.
        if (error == null) {
          return response;
        }
        if (requestBody.isBroken()) {
          return problem(error);
        }
        logFailure(error, response.status());
        return response;
      } catch (Throwable e) {
        error = e;
        return problem(e);
      }
    }

    private Response response(boolean full) throws Exception {
      head.check();
      RequestTarget target;
      try {
        target = RequestTarget.parse(String.valueOf(exchange.getRequestURI()), head.host());
      } catch (RequestTarget.InvalidException e) {
        throw new StatusException(e.status(), e.getMessage());
      }
      Request request =
          new Request(
              head.method(),
              target,
              exchange.getRequestHeaders(),
              requestBody,
              exchange.getRemoteAddress(),
              head.version(),
              this);
      isUnderstood = true;
      for (EndpointHandler.Before function : before) {
        context = function.before(context, request);
      }
      if (full && !ungated.contains(target.rawPath())) {
        throw new StatusException(503, "too many requests in flight").with("Retry-After", "1");
      }
      Response response = handler.call(context, request);
      if (response == null) {
        throw new IllegalStateException("the handler returned null");
      }
      return response;
    }

    /** A head that has been refused may have meant something else; so may the bytes behind it. */
    private boolean isLast() {
      return !isUnderstood
          || head.isLast()
          || closesConnections
          || requestBody.isBroken()
          || requestBody.isAbandoned()
          || requestBody.left() >= ServerSettings.MAX_DRAINED_BYTES; // The JDK gives up, then.
    }

    private Response problem(Throwable e) {
      try {
        if (requestBody.isBroken()) {
          log.debug("{} {}: body broke off (request {})", head.label(), route, head.requestId(), e);
          return Problem.of(400, "the body did not arrive whole", context);
        }
        Response problem = Problem.of(e, context);
        logFailure(e, problem.status());
        return problem;
      } catch (Throwable worse) { // A header that cannot be sent, an error that cannot be printed.
        log.error(
            "{} {} failed with {}, and answering that with {} ({})",
            head.label(),
            route,
            e.getClass(),
            worse.getClass(),
            RequestId.idsIn(context));
        return Problem.of(new IllegalStateException(), context);
      }
    }

    /** Tells the operator what the caller must not know. A plain refusal is no failure of ours. */
    private void logFailure(Throwable e, int status) {
      Throwable cause = Problem.unwrap(e);
      cause = cause instanceof StatusException ? cause.getCause() : cause;
      if (cause == null) {
        return;
      }
      if (status >= 500) {
        log.error(
            "{} {} failed: {} ({})",
            head.label(),
            route,
            LogSafe.of(cause),
            RequestId.idsIn(context));
      }
      log.debug("stack trace of request {}", head.requestId(), e);
    }

    /** Of a connection that broke, the JDK does not say that it was its time limit that closed it. */
    private void logTimeLimit() {
      long limitNanos = ServerSettings.responseTimeoutNanos();
      long earliestNanos = startedAtNanos + limitNanos - CLOCK_DRIFT_NANOS;
      if (limitNanos > 0 && nanoTime.getAsLong() - earliestNanos >= 0) {
        log.warn(
            "{} {}: response cut off after {} bytes by the time limit of {} s ({})",
            head.label(),
            route,
            sender.bytes(),
            TimeUnit.NANOSECONDS.toSeconds(limitNanos),
            RequestId.idsIn(context));
      }
    }

    private void complete() {
      if (own.isEmpty() && finalizers.isEmpty()) {
        return;
      }
      long nanos = nanoTime.getAsLong() - startedAtNanos;
      RequestSummary completed =
          new RequestSummary(
              route,
              path(),
              head.label(),
              sender.status(),
              sender.bytes(),
              nanos,
              error,
              head.requestId(),
              context,
              exchange.getRemoteAddress());
      own.forEach(finalizer -> finish(finalizer, completed));
      finalizers.forEach(finalizer -> finish(finalizer, completed));
    }

    private void finish(Consumer<RequestSummary> finalizer, RequestSummary completed) {
      try {
        finalizer.accept(completed);
      } catch (Throwable e) { // The next finalizer cannot help it, nor can the connection.
        log.error("finalizer failed: {} ({})", LogSafe.of(e), RequestId.idsIn(context));
      }
    }

    private String path() {
      String target = exchange.getRequestURI().toString();
      int query = target.indexOf('?');
      return query < 0 ? target : target.substring(0, query);
    }

    @Override
    public void matched(String template) {
      route = template;
    }

    @Override
    public void onCompleted(Consumer<RequestSummary> finalizer) {
      own.add(finalizer);
    }
  }
}
