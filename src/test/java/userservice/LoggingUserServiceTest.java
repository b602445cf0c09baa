// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import kit.Context;
import kit.log.KeyValueLog;
import org.junit.jupiter.api.Test;

class LoggingUserServiceTest {
  private final List<String> lines = new ArrayList<>();
  private final UserService users =
      new LoggingUserService(new InMemoryUserService("8081"), KeyValueLog.logfmt(lines::add));

  @Test
  void callsAreLoggedAndResultsUnchanged() throws Exception {
    assertThat(users.getName(Context.background(), 101)).isEqualTo("jerry8081");
    users.deleteUser(Context.background(), 7);
    assertThatThrownBy(() -> users.deleteUser(Context.background(), 101))
        .isInstanceOf(PermissionDeniedException.class);

    assertThat(lines).hasSize(3);
    assertThat(lines.get(0)).startsWith("method=getName input=101 output=jerry8081 err=null took=");
    assertThat(lines.get(1)).startsWith("method=deleteUser input=7 output=null err=null took=");
    assertThat(lines.get(2))
        .startsWith(
            "method=deleteUser input=101 output=null"
                + " err=\"userservice.PermissionDeniedException: permission denied\" took=");
  }
}
