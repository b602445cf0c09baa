// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcException;
import kit.grpc.GrpcMethod;
import kit.grpc.GrpcStatus;
import kit.grpc.ProtobufReader;
import kit.grpc.ProtobufWriter;
import kit.http.Request;
import kit.http.Response;

/**
 * gRPC methods of a {@link UserService}, and two examples: one endpoint and one method per operation.
 * The interface definitions are in {@code src/main/proto}.
 */
public final class UserMethods {
  static final GrpcCodec<UserRequest> REQUESTS =
      GrpcCodec.of(UserMethods::encode, UserMethods::decode);
  static final GrpcCodec<UserResponse> RESPONSES =
      GrpcCodec.of(response -> text(response.result()), bytes -> new UserResponse(text(bytes)));
  static final GrpcCodec<Watch> WATCHES = GrpcCodec.of(Watch::encode, UserMethods::decodeWatch);
  static final GrpcCodec<Hello> HELLOS =
      GrpcCodec.of(hello -> text(hello.message()), bytes -> new Hello(text(bytes)));

  private UserMethods() {}

  /**
   * Returns the methods.
   *
   * @param isReady whether the server is not draining; a stream ends when it is
   * @param guard wraps each method: limits, authentication, fault injection
   */
  public static List<GrpcMethod> of(
      UserService users, BooleanSupplier isReady, Middleware<Request, Response> guard) {
    Endpoint<UserRequest, UserResponse> getName = UserRoutes.getName(users);
    Endpoint<UserRequest, UserResponse> deleteUser = UserRoutes.deleteUser(users);
    List<GrpcMethod> methods =
        List.of(
            GrpcMethod.unary("/userservice.Users/GetName", REQUESTS, RESPONSES, getName),
            GrpcMethod.unary("/userservice.Users/DeleteUser", REQUESTS, RESPONSES, deleteUser),
            GrpcMethod.serverStream(
                "/userservice.Users/WatchNames",
                WATCHES,
                RESPONSES,
                (context, watch) -> new Names(context, watch, getName, isReady)),
            GrpcMethod.unary(
                "/hello.Hello/SayHello",
                HELLOS,
                HELLOS,
                (context, hello) -> new Hello("Hello " + hello.message())),
            GrpcMethod.unary(
                "/ping.Ping/Ping", HELLOS, HELLOS, (context, nothing) -> new Hello("pong")));
    return methods.stream().map(method -> method.around(guard)).toList();
  }

  /** A request for the name of a user, again and again. */
  record Watch(int uid, int intervalMillis) {
    private static final int DEFAULT_MILLIS = 1000;
    private static final int LEAST_MILLIS = 10;
    private static final int MOST_MILLIS = 3_600_000;

    Watch {
      new UserRequest(uid); // Checks it.
      if (intervalMillis < LEAST_MILLIS || intervalMillis > MOST_MILLIS) {
        throw new IllegalArgumentException(
            "interval_millis not in " + LEAST_MILLIS + ".." + MOST_MILLIS + ": " + intervalMillis);
      }
    }

    byte[] encode() {
      return new ProtobufWriter().writeInt(1, uid).writeInt(2, intervalMillis).toBytes();
    }
  }

  /** The names of a user, one at once and one after each interval. */
  private static final class Names implements Iterator<UserResponse> {
    private static final long STEP_MILLIS = 100; // So soon it notices that the server drains.

    private final Context context;
    private final Watch watch;
    private final Endpoint<UserRequest, UserResponse> getName;
    private final BooleanSupplier isReady;
    private boolean isFirst = true;

    Names(
        Context context,
        Watch watch,
        Endpoint<UserRequest, UserResponse> getName,
        BooleanSupplier isReady) {
      this.context = context;
      this.watch = watch;
      this.getName = getName;
      this.isReady = isReady;
    }

    @Override
    public boolean hasNext() {
      return true; // Until the client cancels.
    }

    @Override
    public UserResponse next() {
      if (!isFirst) {
        await(watch.intervalMillis());
      }
      isFirst = false;
      try {
        return getName.call(context, new UserRequest(watch.uid()));
      } catch (RuntimeException e) {
        throw e;
      } catch (InterruptedException e) {
        throw cancelled();
      } catch (Exception e) {
        throw new IllegalStateException("no name", e);
      }
    }

    private void await(long millis) {
      long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
      for (long left = millis; left > 0; left = millisUntil(endNanos)) {
        if (!isReady.getAsBoolean()) {
          throw new GrpcException(GrpcStatus.UNAVAILABLE, "the server is draining");
        }
        try {
          Thread.sleep(Math.min(left, STEP_MILLIS));
        } catch (InterruptedException e) {
          throw cancelled();
        }
      }
    }

    private static long millisUntil(long nanoTime) {
      return TimeUnit.NANOSECONDS.toMillis(nanoTime - System.nanoTime());
    }

    private static CancellationException cancelled() {
      Thread.currentThread().interrupt();
      return new CancellationException("the call has ended");
    }
  }

  private static byte[] encode(UserRequest request) {
    return new ProtobufWriter().writeInt(1, request.uid()).toBytes();
  }

  private static UserRequest decode(byte[] bytes) throws IOException {
    int uid = 0;
    for (ProtobufReader message = new ProtobufReader(bytes); message.next(); ) {
      if (message.field() == 1) {
        uid = message.readInt32();
      }
    }
    try {
      return new UserRequest(uid);
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static Watch decodeWatch(byte[] bytes) throws IOException {
    int uid = 0;
    int millis = 0;
    for (ProtobufReader message = new ProtobufReader(bytes); message.next(); ) {
      switch (message.field()) {
        case 1 -> uid = message.readInt32();
        case 2 -> millis = message.readInt32();
        default -> {}
      }
    }
    try {
      return new Watch(uid, millis == 0 ? Watch.DEFAULT_MILLIS : millis);
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static byte[] text(String text) {
    return new ProtobufWriter().writeString(1, text).toBytes();
  }

  private static String text(byte[] bytes) throws IOException {
    String text = "";
    for (ProtobufReader message = new ProtobufReader(bytes); message.next(); ) {
      if (message.field() == 1) {
        text = message.readString();
      }
    }
    return text;
  }
}
