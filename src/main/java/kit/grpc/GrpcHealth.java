// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Health checks of gRPC, {@code grpc.health.v1.Health}: Check, List and Watch, as Consul, Kubernetes
 * and load balancers call them.
 *
 * <pre>{@code
 * GrpcHealth health = new GrpcHealth(http::isReady).service("user.UserService", database::isUp);
 * grpc.addAll(health.methods());
 * ...
 * health.drain(); // before the server stops
 * }</pre>
 *
 * <pre>
 *                     Check          Watch
 *   serving           SERVING        SERVING
 *   not serving       NOT_SERVING    NOT_SERVING
 *   draining          NOT_SERVING    NOT_SERVING, then the call ends with UNAVAILABLE
 *   unknown service   NOT_FOUND      SERVICE_UNKNOWN, until it is known
 * </pre>
 *
 * <p>The service with the empty name is the whole server.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. A Watch holds the thread of its call, and reads the state once a second and at once
 * after {@link #changed}.
 *
 * <p>Source: grpc/doc/health-checking.md.
 */
public final class GrpcHealth {
  private static final String PATH = "/grpc.health.v1.Health/";
  private static final long POLL_NANOS = TimeUnit.SECONDS.toNanos(1);

  // The numbers of ServingStatus.
  private static final int SERVING = 1;
  private static final int NOT_SERVING = 2;
  private static final int SERVICE_UNKNOWN = 3;

  // Guarded by this.
  private final Map<String, BooleanSupplier> services = new TreeMap<>();
  private boolean isDraining;
  private long changes;

  /** Creates the health of a server; {@code isServing} is quick and thread-safe. */
  public GrpcHealth(BooleanSupplier isServing) {
    service("", isServing);
  }

  /** Adds a service, or replaces its state; returns this. */
  public GrpcHealth service(String name, BooleanSupplier isServing) {
    requireNonNull(name, "name");
    requireNonNull(isServing, "isServing");
    synchronized (this) {
      services.put(name, isServing);
    }
    changed();
    return this;
  }

  /** Makes each Watch read the state of its service now. */
  public synchronized void changed() {
    changes++;
    notifyAll();
  }

  /** Reports all services as not serving from now on. Calling it twice is harmless. */
  public synchronized void drain() {
    isDraining = true;
    changed();
  }

  /** Returns the methods, to be added to a {@link GrpcService}; without limits and tokens. */
  public List<GrpcMethod> methods() {
    GrpcCodec<String> names = GrpcCodec.of(GrpcHealth::nothing, GrpcHealth::name);
    GrpcCodec<Integer> statuses =
        GrpcCodec.of(status -> response(status).toBytes(), GrpcHealth::notReceived);
    GrpcCodec<Map<String, Integer>> lists = GrpcCodec.of(GrpcHealth::list, GrpcHealth::notReceived);
    return List.of(
        GrpcMethod.unary(PATH + "Check", names, statuses, (context, name) -> check(name)),
        GrpcMethod.unary(PATH + "List", names, lists, (context, nothing) -> all()),
        GrpcMethod.stream(
            PATH + "Watch", names, statuses, (context, in, out) -> watch(in.read(), out)));
  }

  private int check(String name) {
    int status = status(name);
    if (status == SERVICE_UNKNOWN) {
      throw new GrpcException(GrpcStatus.NOT_FOUND, "unknown service");
    }
    return status;
  }

  private Map<String, Integer> all() {
    Map<String, Integer> statuses = new TreeMap<>();
    for (String name : names()) {
      statuses.put(name, status(name));
    }
    return statuses;
  }

  private void watch(String name, GrpcStreamHandler.Writer<Integer> responses)
      throws IOException, InterruptedException {
    if (name == null) {
      throw new GrpcException(GrpcStatus.INVALID_ARGUMENT, "no request");
    }
    int sent = 0;
    while (true) {
      long seen = changes();
      boolean isLast = isDraining();
      int status = status(name);
      if (status != sent) {
        responses.write(status);
        sent = status;
      }
      if (isLast) {
        throw new GrpcException(GrpcStatus.UNAVAILABLE, "the server is draining");
      }
      awaitChange(seen);
    }
  }

  private int status(String name) {
    BooleanSupplier isServing = stateOf(name);
    if (isServing == null) {
      return SERVICE_UNKNOWN;
    }
    return !isDraining() && isServing.getAsBoolean() ? SERVING : NOT_SERVING;
  }

  private synchronized BooleanSupplier stateOf(String name) {
    return services.get(name);
  }

  private synchronized List<String> names() {
    return List.copyOf(services.keySet());
  }

  private synchronized boolean isDraining() {
    return isDraining;
  }

  private synchronized long changes() {
    return changes;
  }

  private synchronized void awaitChange(long seen) throws InterruptedException {
    long deadlineNanos = System.nanoTime() + POLL_NANOS;
    while (changes == seen && deadlineNanos - System.nanoTime() > 0) {
      TimeUnit.NANOSECONDS.timedWait(this, deadlineNanos - System.nanoTime());
    }
  }

  // message HealthCheckRequest { string service = 1; }
  private static String name(byte[] request) throws IOException {
    String name = "";
    for (ProtobufReader message = new ProtobufReader(request); message.next(); ) {
      if (message.field() == 1) {
        name = message.readString();
      }
    }
    return name;
  }

  // message HealthCheckResponse { ServingStatus status = 1; }
  private static ProtobufWriter response(int status) {
    return new ProtobufWriter().writeInt(1, status);
  }

  // message HealthListResponse { map<string, HealthCheckResponse> statuses = 1; }
  private static byte[] list(Map<String, Integer> statuses) {
    ProtobufWriter list = new ProtobufWriter();
    statuses.forEach(
        (name, status) ->
            list.writeMessage(
                1, new ProtobufWriter().writeString(1, name).writeMessage(2, response(status))));
    return list.toBytes();
  }

  private static byte[] nothing(Object request) {
    throw new UnsupportedOperationException("requests are only received");
  }

  private static <T> T notReceived(byte[] response) {
    throw new UnsupportedOperationException("responses are only sent");
  }
}
