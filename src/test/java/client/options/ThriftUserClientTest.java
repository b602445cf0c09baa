// SPDX-License-Identifier: Apache-2.0
package client.options;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import testing.ThriftFile;

/** The code and the interface definition in src/main/thrift agree. */
class ThriftUserClientTest {
  @Test
  void structsHaveTheFieldsOfTheFile() throws Exception {
    ThriftFile users = new ThriftFile("users.thrift");
    byte[] arguments = ThriftUserClient.UID.encode(7);
    assertThat(users.arguments("getName", arguments)).isEqualTo(Map.of("uid", 7));
    assertThat(users.arguments("deleteUser", arguments)).isEqualTo(Map.of("uid", 7));
    assertThat(ThriftUserClient.UID.decode(arguments)).isEqualTo(7);
  }

  @Test
  void methodsAreThoseOfTheFile() throws Exception {
    assertThat(new ThriftFile("users.thrift").methods())
        .containsExactlyInAnyOrder(
            ThriftUserClient.name(UserCall.getName("7")),
            ThriftUserClient.name(UserCall.delete("7")));
  }
}
