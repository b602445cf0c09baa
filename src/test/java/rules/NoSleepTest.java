// SPDX-License-Identifier: Apache-2.0
package rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests do not sleep: a sleep is too long on a fast machine and too short on a slow one. */
class NoSleepTest {
  private static final Pattern SLEEP =
      Pattern.compile("(Thread|SECONDS|MINUTES|HOURS|DAYS)\\s*(\\.|::)\\s*sleep|park(Nanos|Until)");

  @Test
  void onlyEventuallySleeps() throws Exception {
    assertThat(Sources.linesWith(SLEEP, Sources.in("src/test/java")))
        .singleElement()
        .asString()
        .matches("src.test.java.testing.Eventually\\.java:.*");
  }

  // The dash keeps this file from breaking its own rule.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "Thread.-sleep(1);",
        "java.lang.Thread.-sleep(1, 0);",
        "import static java.lang.Thread.-sleep;",
        "sleeper = Thread::-sleep;",
        "TimeUnit.SECONDS.-sleep(1);",
        "MILLISECONDS . -sleep(1);",
        "LockSupport.park-Nanos(1);",
        "LockSupport.park-Until(this, 1);"
      })
  void waysToSleepAreFound(String code) {
    assertThat(code.replace("-", "")).containsPattern(SLEEP);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"sleeper.sleep(1);", "latch.await(1, SECONDS);", "Eventually.within(a, b);"})
  void otherCodeIsAccepted(String code) {
    assertThat(code).doesNotContainPattern(SLEEP);
  }
}
