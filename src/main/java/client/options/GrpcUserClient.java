// SPDX-License-Identifier: Apache-2.0
package client.options;

import java.io.IOException;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.discovery.Instance;
import kit.grpc.GrpcChannel;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcEndpoint;
import kit.grpc.ProtobufReader;
import kit.grpc.ProtobufWriter;
import kit.http.client.HttpEndpoint;

/**
 * Client of the user service over gRPC, with one connection. It shares no code with the service, only
 * the interface definition in {@code src/main/proto/users.proto}.
 */
final class GrpcUserClient implements Endpoint<UserCall, String>, AutoCloseable {
  static final GrpcCodec<Integer> UIDS = GrpcCodec.of(GrpcUserClient::encode, bytes -> uid(bytes));
  static final GrpcCodec<String> RESULTS =
      GrpcCodec.of(
          result -> new ProtobufWriter().writeString(1, result).toBytes(), GrpcUserClient::result);

  private final GrpcChannel channel;
  private final GrpcEndpoint<Integer, String> getName;
  private final GrpcEndpoint<Integer, String> deleteUser;

  /**
   * Creates a client, which connects with the first call.
   *
   * @param tls for the connection; empty: without TLS
   * @param before adds to each request
   */
  GrpcUserClient(Instance instance, Optional<SSLContext> tls, HttpEndpoint.Before before) {
    String host = instance.host();
    channel =
        tls.map(context -> GrpcChannel.to(host, instance.port(), context))
            .orElseGet(() -> GrpcChannel.to(host, instance.port()));
    getName = endpoint("GetName").before(before);
    deleteUser = endpoint("DeleteUser").before(before);
  }

  private GrpcEndpoint<Integer, String> endpoint(String method) {
    return GrpcEndpoint.unary(channel, path(method), UIDS, RESULTS);
  }

  /** Returns the path of the method for a call. */
  static String path(UserCall call) {
    return path(call.method().equals("GET") ? "GetName" : "DeleteUser");
  }

  private static String path(String method) {
    return "/userservice.Users/" + method;
  }

  @Override
  public String call(Context context, UserCall call) throws Exception {
    int uid;
    try {
      uid = Integer.parseInt(call.uid());
    } catch (NumberFormatException e) { // As the service responds over HTTP.
      throw PeerException.status(channel.instance(), 400, "uid is not an int32", null, e);
    }
    return (call.method().equals("GET") ? getName : deleteUser).call(context, uid);
  }

  @Override
  public void close() {
    channel.close();
  }

  private static byte[] encode(int uid) {
    return new ProtobufWriter().writeInt(1, uid).toBytes();
  }

  private static int uid(byte[] request) throws IOException {
    int uid = 0;
    for (ProtobufReader message = new ProtobufReader(request); message.next(); ) {
      uid = message.field() == 1 ? message.readInt32() : uid;
    }
    return uid;
  }

  private static String result(byte[] response) throws IOException {
    String result = "";
    for (ProtobufReader message = new ProtobufReader(response); message.next(); ) {
      result = message.field() == 1 ? message.readString() : result;
    }
    return result;
  }
}
