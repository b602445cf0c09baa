// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import kit.Middleware;
import kit.StatusException;
import kit.engine.EngineSettings;
import kit.http.Request;
import kit.http.Response;
import kit.thrift.ThriftServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.ThriftFile;

/** The code and the interface definition in src/main/thrift agree, and so does what is sent. */
@Timeout(30)
class ThriftMethodsTest {
  private static final int STRICT_CALL = 0x80010001;

  private final ThriftFile users = new ThriftFile("users.thrift");

  ThriftMethodsTest() throws IOException {}

  /** Returns the struct in the response to a call of a server with this guard. */
  private static byte[] response(
      Middleware<Request, Response> guard, String method, byte[] arguments) throws IOException {
    ThriftServer server = ThriftMethods.server(new InMemoryUserService("1"), guard);
    InetAddress loopback = InetAddress.getLoopbackAddress();
    int port = server.bind(new InetSocketAddress(loopback, 0), EngineSettings.defaults()).getPort();
    server.start();
    try (Socket socket = new Socket(loopback, port)) {
      byte[] name = method.getBytes(StandardCharsets.US_ASCII);
      int headBytes = 12 + name.length;
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      out.writeInt(headBytes + arguments.length);
      out.writeInt(STRICT_CALL);
      out.writeInt(name.length);
      out.write(name);
      out.writeInt(7);
      out.write(arguments);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      byte[] struct = new byte[in.readInt() - headBytes];
      in.skipNBytes(headBytes);
      in.readFully(struct);
      return struct;
    } finally {
      server.stop(Duration.ZERO);
    }
  }

  @Test
  void resultsAndExceptionsAreThoseOfTheFile() throws Exception {
    byte[] user101 = ThriftMethods.UID.encode(new UserRequest(101));
    byte[] user7 = ThriftMethods.UID.encode(new UserRequest(7));
    assertThat(users.methods()).containsExactly("deleteUser", "getName");
    assertThat(users.arguments("getName", user101)).isEqualTo(Map.of("uid", 101));

    byte[] name = response(next -> next, "getName", user101);
    assertThat(users.result("getName", name)).isEqualTo(Map.of("success", "jerry1"));
    byte[] deleted = response(next -> next, "deleteUser", user7);
    assertThat(users.result("deleteUser", deleted)).isEqualTo(Map.of("success", "user 7 deleted"));
    byte[] denied = response(next -> next, "deleteUser", user101);
    assertThat(users.result("deleteUser", denied))
        .isEqualTo(Map.of("failure", Map.of("status", 403, "detail", "permission denied")));
  }

  @Test
  void guardIsAroundEachMethod() throws Exception {
    byte[] user7 = ThriftMethods.UID.encode(new UserRequest(7));
    Middleware<Request, Response> guard =
        next ->
            (context, request) -> {
              throw new StatusException(429, "rate limit exceeded: " + request.target().rawPath());
            };
    byte[] limited = response(guard, "getName", user7);
    assertThat(users.result("getName", limited))
        .isEqualTo(
            Map.of("failure", Map.of("status", 429, "detail", "rate limit exceeded: /getName")));
  }

  @Test
  void fieldsThatAreAbsentHaveTheirDefaults() throws Exception {
    byte[] nothing = {0};
    assertThat(ThriftMethods.UID.decode(nothing)).isEqualTo(new UserRequest(0));
    ThriftMethods.Failure failure = ThriftMethods.FAILURE.decode(nothing);
    assertThat(failure.status()).isEqualTo(500);
    byte[] negative = {8, 0, 1, -1, -1, -1, -1, 0};
    assertThatThrownBy(() -> ThriftMethods.UID.decode(negative))
        .isInstanceOf(IOException.class)
        .hasMessage("uid < 0: -1");
  }
}
