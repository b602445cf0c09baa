// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import kit.Context;
import kit.LogSafe;
import kit.PeerException;
import kit.grpc.GrpcChannel;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcEndpoint;
import kit.grpc.GrpcException;
import kit.grpc.ProtobufReader;
import kit.grpc.ProtobufWriter;

/** Runs one gRPC check: calls {@code grpc.health.v1.Health/Check}, as Consul does. */
final class GrpcProbe {
  private static final int SERVING = 1;
  private static final GrpcCodec<String> NAMES =
      GrpcCodec.of(
          name -> new ProtobufWriter().writeString(1, name).toBytes(), GrpcProbe::notReceived);
  private static final GrpcCodec<Integer> STATUSES =
      GrpcCodec.of(status -> new ProtobufWriter().writeInt(1, status).toBytes(), GrpcProbe::status);

  private GrpcProbe() {}

  /**
   * Runs {@code check}, whose target is {@code host:port} or {@code host:port/service}.
   *
   * @param tls for a check over TLS
   */
  static CheckProbe.Result run(CheckDefinition check, SSLContext tls)
      throws IOException, TimeoutException, InterruptedException {
    int slash = check.grpc().indexOf('/');
    String address = slash < 0 ? check.grpc() : check.grpc().substring(0, slash);
    String service = slash < 0 ? "" : check.grpc().substring(slash + 1);
    int colon = address.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("not host:port: " + LogSafe.of(address));
    }
    String host = address.substring(0, colon).replaceAll("^\\[|]$", "");
    Context context = Context.background().withTimeout(Duration.ofNanos(check.timeout()));
    int port = Integer.parseInt(address.substring(colon + 1));
    boolean isTls = Boolean.TRUE.equals(check.grpcUseTls());
    try (GrpcChannel channel =
        isTls ? GrpcChannel.to(host, port, tls) : GrpcChannel.to(host, port)) {
      int status =
          GrpcEndpoint.unary(channel, "/grpc.health.v1.Health/Check", NAMES, STATUSES)
              .call(context, service);
      return status == SERVING
          ? new CheckProbe.Result("passing", "gRPC check " + check.grpc() + ": success")
          : new CheckProbe.Result("critical", "gRPC application didn't report service healthy");
    } catch (PeerException e) {
      return new CheckProbe.Result("critical", reason(e));
    } catch (IOException | InterruptedException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e);
    }
  }

  private static String reason(PeerException failure) throws TimeoutException {
    if (failure.kind() == PeerException.Kind.TIMEOUT) {
      throw new TimeoutException();
    }
    if (failure.getCause() instanceof GrpcException status) {
      return "rpc error: code = "
          + words(status.status().name())
          + " desc = "
          + status.getMessage();
    }
    return failure.getMessage();
  }

  /** Returns a name as Go prints it: {@code NotFound}. */
  private static String words(String name) {
    StringBuilder words = new StringBuilder();
    for (String word : name.split("_")) {
      words.append(word.charAt(0)).append(word.substring(1).toLowerCase(Locale.ROOT));
    }
    return words.toString();
  }

  private static String notReceived(byte[] request) {
    throw new UnsupportedOperationException("requests are only sent");
  }

  private static int status(byte[] response) throws IOException {
    int status = 0;
    for (ProtobufReader message = new ProtobufReader(response); message.next(); ) {
      status = message.field() == 1 ? message.readInt32() : status;
    }
    return status;
  }
}
