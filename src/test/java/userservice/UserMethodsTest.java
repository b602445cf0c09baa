// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import java.util.TreeSet;
import kit.grpc.GrpcMethod;
import kit.grpc.ProtobufWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.ProtoFile;

/** The code and the interface definitions in src/main/proto agree. */
class UserMethodsTest {
  private final ProtoFile users = new ProtoFile("users.proto");
  private final ProtoFile hello = new ProtoFile("hello.proto");
  private final ProtoFile ping = new ProtoFile("ping.proto");

  UserMethodsTest() throws IOException {}

  @Test
  void methodsAreThoseOfTheFiles() {
    TreeSet<String> inFiles = users.paths();
    inFiles.addAll(hello.paths());
    inFiles.addAll(ping.paths());
    assertThat(inFiles).hasSize(5);
    assertThat(UserMethods.of(new InMemoryUserService("1"), () -> true, next -> next))
        .extracting(GrpcMethod::path)
        .containsExactlyInAnyOrderElementsOf(inFiles);
  }

  @Test
  void messagesHaveTheFieldsOfTheFiles() throws Exception {
    byte[] request = UserMethods.REQUESTS.encode(new UserRequest(7));
    assertThat(users.decode("UserRequest", request)).isEqualTo(Map.of("uid", 7));
    assertThat(UserMethods.REQUESTS.decode(request)).isEqualTo(new UserRequest(7));

    byte[] reply = UserMethods.RESPONSES.encode(new UserResponse("jerry"));
    assertThat(users.decode("UserReply", reply)).isEqualTo(Map.of("result", "jerry"));
    assertThat(UserMethods.RESPONSES.decode(reply)).isEqualTo(new UserResponse("jerry"));

    byte[] watch = UserMethods.WATCHES.encode(new UserMethods.Watch(7, 10));
    assertThat(users.decode("WatchRequest", watch))
        .isEqualTo(Map.of("uid", 7, "interval_millis", 10));
    assertThat(UserMethods.WATCHES.decode(watch)).isEqualTo(new UserMethods.Watch(7, 10));

    byte[] text = UserMethods.HELLOS.encode(new Hello("Bob"));
    assertThat(hello.decode("HelloRequest", text)).isEqualTo(Map.of("name", "Bob"));
    assertThat(hello.decode("HelloReply", text)).isEqualTo(Map.of("message", "Bob"));
    assertThat(ping.decode("PingReply", text)).isEqualTo(Map.of("message", "Bob"));
  }

  @Test
  void fieldsThatAreAbsentHaveTheirDefaults() throws Exception {
    byte[] nothing = {};
    assertThat(UserMethods.REQUESTS.decode(nothing)).isEqualTo(new UserRequest(0));
    assertThat(UserMethods.WATCHES.decode(nothing)).isEqualTo(new UserMethods.Watch(0, 1000));
    assertThat(UserMethods.HELLOS.decode(nothing)).isEqualTo(new Hello(""));
  }

  @ParameterizedTest
  @CsvSource({
    "-1, 0, uid < 0: -1",
    "1, 9, interval_millis not in 10..3600000: 9",
    "1, 3600001, interval_millis not in 10..3600000: 3600001"
  })
  void numbersOutOfRangeAreMalformed(int uid, int millis, String problem) {
    byte[] watch = new ProtobufWriter().writeInt(1, uid).writeInt(2, millis).toBytes();
    assertThatThrownBy(() -> UserMethods.WATCHES.decode(watch))
        .isInstanceOf(IOException.class)
        .hasMessage(problem);
    if (uid < 0) {
      byte[] request = new ProtobufWriter().writeInt(1, uid).toBytes();
      assertThatThrownBy(() -> UserMethods.REQUESTS.decode(request))
          .isInstanceOf(IOException.class)
          .hasMessage(problem);
    }
  }
}
