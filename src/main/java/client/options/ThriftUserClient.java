// SPDX-License-Identifier: Apache-2.0
package client.options;

import java.io.IOException;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.PeerException;
import kit.discovery.Instance;
import kit.thrift.ThriftChannel;
import kit.thrift.ThriftCodec;
import kit.thrift.ThriftEndpoint;
import kit.thrift.ThriftMethod;
import kit.thrift.ThriftReader;
import kit.thrift.ThriftType;

/**
 * Client of the user service over Thrift. It shares no code with the service, only the interface
 * definition in {@code src/main/thrift/users.thrift}.
 */
final class ThriftUserClient implements Endpoint<UserCall, String>, AutoCloseable {
  static final ThriftCodec<Integer> UID =
      new ThriftCodec<>((uid, to) -> to.write(1, ThriftType.I32, uid), ThriftUserClient::uid);
  static final ThriftCodec<Failure> FAILURE =
      new ThriftCodec<>(
          (e, to) ->
              to.write(1, ThriftType.I32, e.status).write(2, ThriftType.STRING, e.getMessage()),
          ThriftUserClient::failure);
  static final ThriftMethod<Integer, String> GET_NAME = method("getName");
  static final ThriftMethod<Integer, String> DELETE_USER = method("deleteUser");

  private final ThriftChannel channel;
  private final ThriftEndpoint<Integer, String> getName;
  private final ThriftEndpoint<Integer, String> deleteUser;

  /** Creates a client, which connects with the first call. */
  ThriftUserClient(Instance instance) {
    channel = ThriftChannel.to(instance.host(), instance.port());
    getName = new ThriftEndpoint<>(channel, GET_NAME);
    deleteUser = new ThriftEndpoint<>(channel, DELETE_USER);
  }

  /** The exception that the methods declare. */
  static final class Failure extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;

    private Failure(int status, String detail) {
      super(detail);
      this.status = status;
    }
  }

  private static ThriftMethod<Integer, String> method(String name) {
    return ThriftMethod.of(name, UID, ThriftType.STRING).declaring(1, Failure.class, FAILURE);
  }

  /** Returns the name of the method for a call. */
  static String name(UserCall call) {
    return (call.method().equals("GET") ? GET_NAME : DELETE_USER).name();
  }

  @Override
  public String call(Context context, UserCall call) throws Exception {
    try {
      int uid = Integer.parseInt(call.uid());
      return (call.method().equals("GET") ? getName : deleteUser).call(context, uid);
    } catch (NumberFormatException e) { // As the service responds over HTTP.
      throw PeerException.status(channel.instance(), 400, "uid is not an int32", null, e);
    } catch (Failure e) {
      String detail = LogSafe.of(e.getMessage());
      throw PeerException.status(channel.instance(), e.status, detail, null, e);
    }
  }

  @Override
  public void close() {
    channel.close();
  }

  private static int uid(ThriftReader from) throws IOException {
    int uid = 0;
    while (from.next()) {
      uid = from.field() == 1 ? from.read(ThriftType.I32) : uid;
    }
    return uid;
  }

  private static Failure failure(ThriftReader from) throws IOException {
    int status = 500;
    String detail = "";
    while (from.next()) {
      switch (from.field()) {
        case 1 -> status = from.read(ThriftType.I32);
        case 2 -> detail = from.read(ThriftType.STRING);
        default -> {}
      }
    }
    return new Failure(status, detail);
  }
}
