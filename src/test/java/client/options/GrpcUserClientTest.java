// SPDX-License-Identifier: Apache-2.0
package client.options;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import testing.ProtoFile;

/** The code and the interface definition in src/main/proto agree. */
class GrpcUserClientTest {
  @Test
  void messagesHaveTheFieldsOfTheFile() throws Exception {
    ProtoFile users = new ProtoFile("users.proto");
    byte[] request = GrpcUserClient.UIDS.encode(7);
    assertThat(users.decode("UserRequest", request)).isEqualTo(Map.of("uid", 7));
    assertThat(GrpcUserClient.UIDS.decode(request)).isEqualTo(7);

    byte[] reply = GrpcUserClient.RESULTS.encode("jerry");
    assertThat(users.decode("UserReply", reply)).isEqualTo(Map.of("result", "jerry"));
    assertThat(GrpcUserClient.RESULTS.decode(reply)).isEqualTo("jerry");
  }

  @Test
  void methodsAreThoseOfTheFile() throws Exception {
    assertThat(new ProtoFile("users.proto").paths())
        .contains(
            GrpcUserClient.path(UserCall.getName("7")), GrpcUserClient.path(UserCall.delete("7")));
  }
}
