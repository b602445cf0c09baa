// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpsExchange;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
import kit.http.TlsClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Adapts the JDK's server to an endpoint: checks requests, calls the handler, sends responses. */
final class ExchangeHandler implements HttpHandler {
  // Undocumented behaviour of the JDK's server:
  // - An Error that leaves handle() kills the worker, and the client waits forever. So only
  //   IOException leaves it, upon which the JDK closes the connection.
  // - If a handler returns without a response, the client waits, too.

  private static final Logger log = LoggerFactory.getLogger(HttpService.class);

  private static final long CLOCK_DRIFT_NANOS = 100_000_000; // The JDK uses another clock.

  private final HttpService.Settings settings;
  private final long responseTimeoutNanos; // 0 without one.
  private final LongSupplier nanoTime;
  private final List<EndpointHandler.Before> before = new CopyOnWriteArrayList<>();
  private final Finalizers finalizers;
  private final AtomicInteger inFlight = new AtomicInteger();
  private final Object idle = new Object(); // Notified when inFlight has dropped to 0.

  private volatile Endpoint<Request, Response> handler;
  private volatile boolean draining;
  private volatile boolean closesConnections; // With each response.
  private volatile long lastCameAtNanos; // Since draining.

  ExchangeHandler(
      HttpService.Settings settings,
      long responseTimeoutNanos,
      Finalizers finalizers,
      LongSupplier nanoTime) {
    this.settings = settings;
    this.responseTimeoutNanos = responseTimeoutNanos;
    this.finalizers = finalizers;
    this.nanoTime = nanoTime;
  }

  void serve(Endpoint<Request, Response> handler) {
    this.handler = handler;
  }

  void before(EndpointHandler.Before function) {
    before.add(function);
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

  /** Sets whether each response closes its connection; returns the previous value. */
  boolean closeConnections(boolean close) {
    boolean before = closesConnections;
    closesConnections = close;
    return before;
  }

  /** Returns whether a request arrived within {@code quiet}. To be called while draining. */
  boolean isBusy(Duration quiet) {
    return nanoTime.getAsLong() - lastCameAtNanos < quiet.toNanos();
  }

  int inFlight() {
    return inFlight.get();
  }

  /**
   * Waits until no request is in flight and none has arrived for {@code quiet}, but at most {@code
   * patience}; returns whether none is in flight. To be called while draining.
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
      new Exchange(exchange).serve(concurrent > settings.maxInFlight());
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IOException("response failed", e);
    } finally {
      if (inFlight.decrementAndGet() == 0 && draining) {
        synchronized (idle) {
          idle.notifyAll();
        }
      }
    }
  }

  /** One request and its response. */
  private final class Exchange implements Request.Tracker {
    private final long startedAtNanos = nanoTime.getAsLong();
    private final HttpExchange exchange;
    private final RequestHead head;
    private final RequestBody requestBody;
    private final ResponseSender sender;
    private final List<Consumer<RequestSummary>> own = new ArrayList<>(0); // Of this request.

    private Context context;
    private boolean isUnderstood; // Whether the head is valid.
    private String route = Request.NO_ROUTE;
    private Throwable error;

    Exchange(HttpExchange exchange) {
      this.exchange = exchange;
      this.head = new RequestHead(exchange);
      this.requestBody = new RequestBody(exchange.getRequestBody(), head.bodyLength());
      this.sender = new ResponseSender(exchange, head.method().equals("HEAD"));
      this.context = withTlsClient(Context.background().with(RequestId.KEY, head.requestId()));
    }

    private Context withTlsClient(Context context) {
      if (!(exchange instanceof HttpsExchange secured)) {
        return context;
      }
      return TlsClient.of(secured.getSSLSession())
          .map(client -> context.with(TlsClient.KEY, client))
          .orElse(context);
    }

    void serve(boolean full) throws IOException {
      Response response = responseOrProblem(full);
      // An interrupt that the handler left would close the channel in the middle of the response.
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
        error = response.error(); // The exception that an error encoder encoded.
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
      if (full && !settings.ungated().contains(target.rawPath())) {
        throw new StatusException(503, "too many requests in flight").with("Retry-After", "1");
      }
      Response response = handler.call(context, request);
      if (response == null) {
        throw new IllegalStateException("the handler returned null");
      }
      return response;
    }

    /**
     * Returns whether the connection must be closed; after a rejected head, the bytes that follow
     * are ambiguous.
     */
    private boolean isLast() {
      return !isUnderstood
          || head.isLast()
          || closesConnections
          || requestBody.isBroken()
          || requestBody.isAbandoned()
          || settings.worksAround() && mayBeMisread();
    }

    /** Returns whether the JDK's engine may not find the end of the request. */
    private boolean mayBeMisread() {
      // It reads a chunk of size 100000000 as the last one (its int overflows), and also one
      // without a size. The bytes after it would be read as the next request.
      return requestBody.length() < 0
          || requestBody.left() >= ServerSettings.MAX_DRAINED_BYTES; // It drains no more.
    }

    private Response problem(Throwable e) {
      try {
        if (requestBody.isBroken()) {
          log.debug(
              "{} {}: incomplete body (request {})", head.label(), route, head.requestId(), e);
          return Problem.of(400, "incomplete body", context);
        }
        Response problem = Problem.of(e, context);
        logFailure(e, problem.status());
        return problem;
      } catch (Throwable worse) { // An invalid header, an error that cannot be printed.
        log.error(
            "{} {} failed with {}, and its error response with {} ({})",
            head.label(),
            route,
            e.getClass(),
            worse.getClass(),
            RequestId.idsIn(context));
        return Problem.of(new IllegalStateException(), context);
      }
    }

    /**
     * Logs the cause, which is not sent to the client. A rejection without a cause is not logged.
     */
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

    /** Logs a response that the time limit cut off; engines do not report it. */
    private void logTimeLimit() {
      long earliestNanos = startedAtNanos + responseTimeoutNanos - CLOCK_DRIFT_NANOS;
      if (responseTimeoutNanos > 0 && nanoTime.getAsLong() - earliestNanos >= 0) {
        log.warn(
            "{} {}: response cut off after {} bytes by the time limit of {} s ({})",
            head.label(),
            route,
            sender.bytes(),
            TimeUnit.NANOSECONDS.toSeconds(responseTimeoutNanos),
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
      finalizers.run(own, completed);
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
