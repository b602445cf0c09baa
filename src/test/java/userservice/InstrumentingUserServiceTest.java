// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import kit.Context;
import kit.metrics.Metrics;
import org.junit.jupiter.api.Test;

class InstrumentingUserServiceTest {
  private final Metrics metrics = new Metrics();
  private final UserService users =
      new InstrumentingUserService(new InMemoryUserService("8081"), metrics);

  @Test
  void callsAreMeasuredAndResultsUnchanged() throws Exception {
    assertThat(users.getName(Context.background(), 101)).isEqualTo("jerry8081");
    assertThat(users.getName(Context.background(), 7)).isEqualTo("guest8081");
    users.deleteUser(Context.background(), 7);
    assertThatThrownBy(() -> users.deleteUser(Context.background(), 101))
        .isInstanceOf(PermissionDeniedException.class);

    assertThat(metrics.text())
        .contains("userservice_calls_total{method=\"getName\",error=\"false\"} 2\n")
        .contains("userservice_calls_total{method=\"deleteUser\",error=\"false\"} 1\n")
        .contains("userservice_calls_total{method=\"deleteUser\",error=\"true\"} 1\n")
        .contains("userservice_call_duration_seconds_count{method=\"deleteUser\",error=\"true\"} 1")
        .contains("userservice_name_length_sum 18\nuserservice_name_length_count 2\n");
  }
}
