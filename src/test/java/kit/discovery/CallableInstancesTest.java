// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.event.Level;
import testing.RecordingLogger;

class CallableInstancesTest {
  private final RecordingLogger log = new RecordingLogger();
  private final CallableInstances callable = new CallableInstances("web", log);

  private List<Instance> of(String... entries) {
    return callable.of(List.of(entries), entry -> entry, CallableInstancesTest::instance);
  }

  /** From {@code host:port} or {@code host:port tag}. */
  private static Instance instance(String entry) {
    String[] parts = entry.split(" ");
    Instance plain = Instance.parse(parts[0]);
    List<String> tags = List.of(parts).subList(1, parts.length);
    return new Instance(plain.host(), plain.port(), tags, plain.meta());
  }

  @Test
  void listIsSortedByAddress() {
    assertThat(of("10.0.0.2:80", "10.0.0.1:81", "10.0.0.1:80"))
        .extracting(Instance::authority)
        .containsExactly("10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80");
  }

  @Test
  void firstOfSeveralWithOneAddressCounts() {
    assertThat(of("10.0.0.1:80 blue", "10.0.0.1:80 green"))
        .singleElement()
        .extracting(Instance::tags)
        .isEqualTo(List.of("blue"));
  }

  @Test
  void invalidEntryIsSkippedWithOneWarningWhileItIsListed() {
    assertThat(of("10.0.0.1:0", "10.0.0.2:80", "10.0.0.1:0")).hasSize(1);
    of("10.0.0.1:0", "10.0.0.2:80");
    assertThat(log.linesFrom(Level.WARN))
        .hasSize(1)
        .first()
        .asString()
        .contains("web", "10.0.0.1:0");

    of("10.0.0.2:80");
    of("10.0.0.1:0");
    assertThat(log.linesFrom(Level.WARN)).hasSize(2);
  }

  @Test
  void warningIsOneLineWhateverTheEntryIs() {
    of("a\r\nb:80");
    assertThat(log.linesFrom(Level.WARN)).singleElement().asString().doesNotContain("\n", "\r");
  }
}
