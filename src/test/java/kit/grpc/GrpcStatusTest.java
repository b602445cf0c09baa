// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GrpcStatusTest {
  @ParameterizedTest
  @CsvSource({
    "400, INVALID_ARGUMENT",
    "401, UNAUTHENTICATED",
    "403, PERMISSION_DENIED",
    "404, NOT_FOUND",
    "405, UNIMPLEMENTED",
    "408, DEADLINE_EXCEEDED",
    "409, ABORTED",
    "410, NOT_FOUND",
    "412, FAILED_PRECONDITION",
    "413, RESOURCE_EXHAUSTED",
    "415, INVALID_ARGUMENT",
    "416, OUT_OF_RANGE",
    "422, INVALID_ARGUMENT",
    "429, RESOURCE_EXHAUSTED",
    "499, CANCELLED",
    "500, INTERNAL",
    "501, UNIMPLEMENTED",
    "502, UNAVAILABLE",
    "503, UNAVAILABLE",
    "504, DEADLINE_EXCEEDED",
    "505, INTERNAL",
    "599, INTERNAL"
  })
  void ofHttp(int status, GrpcStatus expected) {
    assertThat(GrpcStatus.ofHttp(status)).isEqualTo(expected);
  }

  @Test
  void otherHttpStatusesAreRejected() {
    for (int status : new int[] {0, 200, 399, 600}) {
      assertThatThrownBy(() -> GrpcStatus.ofHttp(status))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("status not in 400..599: " + status);
    }
  }

  @ParameterizedTest
  @EnumSource
  void httpStatusStandsForTheStatusIfItHasOneOfItsOwn(GrpcStatus status) {
    Set<GrpcStatus> withoutOne =
        EnumSet.of(
            GrpcStatus.OK, GrpcStatus.UNKNOWN, GrpcStatus.ALREADY_EXISTS, GrpcStatus.DATA_LOSS);
    if (!withoutOne.contains(status)) {
      assertThat(GrpcStatus.ofHttp(status.httpStatus())).isEqualTo(status);
    }
  }

  @Test
  void numbers() {
    assertThat(GrpcStatus.UNAUTHENTICATED.number()).isEqualTo(16);
    assertThat(GrpcStatus.of(5)).isEqualTo(GrpcStatus.NOT_FOUND);
    assertThat(GrpcStatus.of(17)).isEqualTo(GrpcStatus.UNKNOWN);
    assertThat(GrpcStatus.of(-1)).isEqualTo(GrpcStatus.UNKNOWN);
  }
}
