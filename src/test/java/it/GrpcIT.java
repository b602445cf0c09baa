// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.Context;
import kit.PeerException;
import kit.consul.ConsulClient.Entry;
import kit.consul.ConsulClient.Status;
import kit.grpc.GrpcChannel;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcEndpoint;
import kit.grpc.GrpcException;
import kit.grpc.GrpcStatus;
import kit.grpc.ProtobufWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import testing.ConsulAgent;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;

/** gRPC of the programs: the service with a real Consul's gRPC check, and the client. */
@Timeout(90)
class GrpcIT {
  private static final Pattern ON = Pattern.compile("gRPC on 127\\.0\\.0\\.1:(\\d+)");
  private static final GrpcCodec<byte[]> BYTES = GrpcCodec.of(message -> message, bytes -> bytes);
  private static final byte[] USER_101 = new ProtobufWriter().writeInt(1, 101).toBytes();
  private static final byte[] SERVING = new ProtobufWriter().writeInt(1, 1).toBytes();
  private static final byte[] NOT_SERVING = new ProtobufWriter().writeInt(1, 2).toBytes();

  @RegisterExtension
  static final SharedServer<ConsulAgent> consul =
      new SharedServer<>(ConsulAgent::start, ConsulAgent::deregisterAll);

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private JarProcess startService(String... more) {
    return jars.service(consul.get().registry(), 0, more);
  }

  private static int grpcPort(JarProcess service) throws Exception {
    Matcher[] on = new Matcher[1];
    Eventually.within(
        Duration.ofSeconds(20),
        () -> {
          on[0] = ON.matcher(String.join("\n", service.err()));
          assertThat(on[0].find()).isTrue();
        });
    return Integer.parseInt(on[0].group(1));
  }

  private List<String> client(String... command) throws Exception {
    return jars.outputOfClient(consul.get().registry(), command);
  }

  private JarProcess failingClient(String... command) throws Exception {
    JarProcess client = jars.client(consul.get().registry(), command);
    assertThat(client.exitStatus()).isEqualTo(1);
    return client;
  }

  /** Asks the agent itself: the catalogue learns of an output without a new status minutes later. */
  private void awaitCheck(String service, int port, String output) throws Exception {
    String id = service + "-127.0.0.1-" + port;
    Eventually.within(
        Duration.ofSeconds(20),
        () -> {
          Entry entry = consul.get().client().instance(id).orElseThrow();
          assertThat(entry.status()).isEqualTo(Status.PASSING);
          assertThat(entry.checks())
              .anySatisfy(check -> assertThat(check.output()).contains(output));
        });
  }

  @Test
  void serviceIsCheckedByConsulAndCalledByClients() throws Exception {
    JarProcess service = startService("--grpc-port", "0", "--check-interval", "1s");
    int http = service.port();
    int grpc = grpcPort(service);
    String address = "127.0.0.1:" + grpc;

    awaitCheck("userservice-grpc", grpc, "gRPC check " + address + ": success");
    awaitCheck("userservice", http, "200 OK");
    assertThat(client("services")).contains("userservice primary", "userservice-grpc primary");
    assertThat(client("get", "101", "--grpc")).containsExactly("jerry" + http);
    assertThat(client("get", "7", "--grpc", "--all")).containsExactly("guest" + http);
    assertThat(client("delete", "7", "--grpc")).containsExactly("user 7 deleted");
    assertThat(client("loop", "--grpc", "--count", "3", "--interval", "10ms"))
        .containsOnly("jerry" + http)
        .hasSize(3);
    assertThat(failingClient("delete", "101", "--grpc").err())
        .containsExactly("DELETE /user/101 failed: 403 permission denied (" + address + ")");
    assertThat(failingClient("get", "x", "--grpc").err())
        .containsExactly("GET /user/x failed: 400 uid is not an int32 (" + address + ")");

    service.signal("TERM");
    assertThat(service.exitStatus()).isEqualTo(143);
    assertThat(client("services")).containsExactly("consul");
    assertThat(failingClient("get", "101", "--grpc", "--timeout", "500ms").err())
        .containsExactly("GET /user/101 failed: no instance of userservice-grpc");
  }

  @Test
  void onePortServesBoth() throws Exception {
    JarProcess service =
        startService("--grpc", "--engine", "kit", "--check", "grpc", "--check-interval", "1s");
    int port = service.port();
    awaitCheck("userservice", port, "gRPC check 127.0.0.1:" + port + ": success");

    assertThat(client("services")).containsExactly("consul", "userservice primary");
    assertThat(client("get", "101")).containsExactly("jerry" + port);
    assertThat(client("get", "101", "--grpc", "--grpc-shared")).containsExactly("jerry" + port);
    assertThat(
            jars.outputOfClient(
                "none", "get", "7", "--grpc", "--target", "http://127.0.0.1:" + port))
        .containsExactly("guest" + port);
  }

  @Test
  void tokensAndLimitsAreThoseOfHttp() throws Exception {
    String key = Path.of("src/test/resources/kit/auth/HS256.key").toAbsolutePath().toString();
    JarProcess service =
        startService("--grpc-port", "0", "--jwt-key-file", key, "--check-interval", "1s");
    int port = grpcPort(service);
    String address = "127.0.0.1:" + port;
    awaitCheck("userservice-grpc", port, "success"); // Needs no token.

    assertThat(failingClient("get", "101", "--grpc").err())
        .containsExactly(
            "GET /user/101 failed: 401 a valid access token is needed (" + address + ")");
  }

  private static byte[] ofService(String name) {
    return new ProtobufWriter().writeString(1, name).toBytes();
  }

  @Test
  void streamsEndAndHealthChangesWhenTheServiceDrains() throws Exception {
    JarProcess service = startService("--grpc-port", "0", "--drain-delay", "2s");
    service.port(); // It is ready.
    Context context = Context.background().withTimeout(Duration.ofSeconds(30));
    try (GrpcChannel channel = GrpcChannel.to("127.0.0.1", grpcPort(service))) {
      GrpcEndpoint.Responses<byte[]> names =
          GrpcEndpoint.serverStream(channel, "/userservice.Users/WatchNames", BYTES, BYTES)
              .call(context, USER_101);
      assertThat(names.next()).isNotEmpty();
      assertThat(names.next()).isNotEmpty();
      GrpcEndpoint<byte[], byte[]> check =
          GrpcEndpoint.unary(channel, "/grpc.health.v1.Health/Check", BYTES, BYTES);
      assertThat(check.call(context, new byte[0])).isEqualTo(SERVING);
      assertThat(check.call(context, ofService("userservice.Users"))).isEqualTo(SERVING);
      assertThatThrownBy(() -> check.call(context, ofService("userservice")))
          .hasMessageContaining("unknown service");

      service.signal("TERM");
      assertThatThrownBy(() -> names.forEachRemaining(name -> {}))
          .isInstanceOf(PeerException.class)
          .cause()
          .isInstanceOfSatisfying(
              GrpcException.class, e -> assertThat(e.status()).isEqualTo(GrpcStatus.UNAVAILABLE));
      assertThat(check.call(context, new byte[0])).isEqualTo(NOT_SERVING);
      assertThat(check.call(context, ofService("hello.Hello"))).isEqualTo(NOT_SERVING);
      assertThat(service.exitStatus()).isEqualTo(143);
    }
  }
}
