// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ConsulCheckTest {
  private static final Duration SECONDS_5 = Duration.ofSeconds(5);

  static List<Arguments> kinds() {
    return List.of(
        arguments(
            ConsulCheck.http("up", "http://10.0.0.5/health", SECONDS_5),
            Map.of("CheckID", "up", "HTTP", "http://10.0.0.5/health", "Interval", "5s")),
        arguments(
            ConsulCheck.tcp("db", "db:5432", Duration.ofMillis(1500)),
            Map.of("CheckID", "db", "TCP", "db:5432", "Interval", "1500ms")),
        arguments(
            ConsulCheck.grpc("rpc", "10.0.0.5:9000/users", SECONDS_5),
            Map.of("CheckID", "rpc", "GRPC", "10.0.0.5:9000/users", "Interval", "5s")),
        arguments(
            ConsulCheck.grpc("rpc", "10.0.0.5:9000", SECONDS_5).withGrpcTls(),
            Map.of(
                "CheckID", "rpc", "GRPC", "10.0.0.5:9000", "GRPCUseTLS", true, "Interval", "5s")),
        arguments(
            ConsulCheck.ttl("alive", Duration.ofMinutes(1)),
            Map.of("CheckID", "alive", "TTL", "60s")));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void hasTheFieldsOfConsulsDefinition(ConsulCheck check, Map<String, ?> fields) {
    assertThat(check.definition()).isEqualTo(fields);
    assertThat(check.id()).isEqualTo(fields.get("CheckID"));
  }

  @Test
  void sendsOptionalFieldsIfSet() {
    ConsulCheck check =
        ConsulCheck.ttl("alive", SECONDS_5)
            .withTimeout(Duration.ofMillis(1500))
            .withDeregisterAfter(Duration.ofSeconds(90))
            .withStatus(ConsulClient.Status.PASSING)
            .with("Notes", "see the manual")
            .with("Name", "is it there?");

    assertThat(check.definition())
        .isEqualTo(
            Map.of(
                "CheckID", "alive",
                "TTL", "5s",
                "Timeout", "1500ms",
                "DeregisterCriticalServiceAfter", "90s",
                "Status", "passing",
                "Notes", "see the manual",
                "Name", "is it there?"));
  }

  @Test
  void rejectsValuesOutOfBounds() {
    ConsulCheck check = ConsulCheck.ttl("a", SECONDS_5);
    Duration tooShort = Duration.ofNanos(999_999);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> check.withDeregisterAfter(Duration.ofSeconds(59)))
        .withMessage("DeregisterCriticalServiceAfter < PT1M: PT59S");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ConsulCheck.http("a", "http://b", Duration.ZERO))
        .withMessage("Interval < PT0.001S: PT0S");
    assertThatIllegalArgumentException().isThrownBy(() -> ConsulCheck.ttl("a", tooShort));
    assertThatIllegalArgumentException().isThrownBy(() -> check.withTimeout(tooShort));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ConsulCheck.ttl(" ", SECONDS_5))
        .withMessage("CheckID blank");
    assertThatIllegalArgumentException().isThrownBy(() -> new ConsulCheck(Map.of("TTL", "5s")));
  }
}
