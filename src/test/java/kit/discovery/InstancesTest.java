// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InstancesTest {
  private static final Instance A = Instance.of("a", 80);
  private static final Instance B = Instance.of("b", 80);

  @Test
  void fixedKeepsTheOrder() {
    assertThat(Instances.fixed(List.of(B, A)).snapshot()).containsExactly(B, A);
  }

  @Test
  void fixedKeepsTheFirstOfThoseAtOneAddress() {
    Instance otherA = new Instance("a", 80, List.of("late"), Map.of());
    Instance samePort = Instance.of("a", 81);

    assertThat(Instances.fixed(List.of(A, B, otherA, samePort, B)).snapshot())
        .containsExactly(A, B, samePort);
  }

  @Test
  void fixedReturnsTheSameListEachTime() {
    Instances instances = Instances.fixed(List.of(A, B));

    assertThat(instances.snapshot()).isSameAs(instances.snapshot());
  }

  @Test
  void fixedIsImmutable() {
    List<Instance> given = new ArrayList<>(List.of(A, B));
    Instances instances = Instances.fixed(given);

    given.clear();

    assertThat(instances.snapshot()).containsExactly(A, B);
    assertThatThrownBy(() -> instances.snapshot().remove(0))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void fixedMayBeEmpty() {
    assertThat(Instances.fixed(List.of()).snapshot()).isEmpty();
  }

  @Test
  void fixedRejectsNull() {
    assertThatNullPointerException().isThrownBy(() -> Instances.fixed(null));
    assertThatNullPointerException().isThrownBy(() -> Instances.fixed(Arrays.asList(A, null)));
  }

  @Test
  void fixedIsAvailableFromTheStartAndNeverFails() throws Exception {
    Instances instances = Instances.fixed(List.of());

    assertThat(instances.awaitFirst(Duration.ZERO)).isTrue();
    assertThat(instances.failure()).isEmpty();
  }

  @Test
  void fixedNeverCallsItsListenersAndSurvivesItsClose() {
    Instances instances = Instances.fixed(List.of(A));
    Instances.Subscription subscription = instances.onChange(() -> fail("called"));

    subscription.close();
    subscription.close();
    instances.close();
    instances.close();

    assertThat(instances.snapshot()).containsExactly(A);
  }
}
