// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Collections.frequency;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import kit.Attempts;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.discovery.Instance;
import kit.discovery.Instances;
import org.junit.jupiter.api.Test;
import org.slf4j.event.Level;
import testing.RecordingLogger;

/** Balancing with endpoints that report that they are unavailable. */
class AvailabilityTest {
  private final Set<String> avoided = ConcurrentHashMap.newKeySet();
  private final RecordingLogger log = new RecordingLogger();
  private final BalancedEndpoint<String, String> balanced =
      new BalancedEndpoint<>(
          "web",
          Instances.fixed(List.of(Instance.of("a", 1), Instance.of("b", 1), Instance.of("c", 1))),
          Peer::new,
          new RoundRobinPicker(0)::pick,
          Duration.ZERO,
          log);

  private final class Peer implements Endpoint<String, String>, Availability {
    private final String name;

    Peer(Instance instance) {
      this.name = instance.host();
    }

    @Override
    public String call(Context context, String request) {
      if (request.equals("refuse") && avoided.contains(name)) {
        throw PeerException.refused(name, "open", null, null);
      }
      return name;
    }

    @Override
    public boolean isAvailable() {
      return !avoided.contains(name);
    }

    @Override
    public String reason() {
      return "breaker open for 3.1 s";
    }
  }

  private List<String> calls(int count) throws Exception {
    List<String> answers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      answers.add(balanced.call(Context.background(), "any"));
    }
    return answers;
  }

  @Test
  void unavailableEndpointIsSkippedUntilAvailable() throws Exception {
    assertThat(calls(3)).containsExactly("a", "b", "c");
    avoided.add("b");
    assertThat(calls(20)).contains("a", "c").doesNotContain("b");
    avoided.clear();
    assertThat(calls(3)).containsExactlyInAnyOrder("a", "b", "c");
  }

  @Test
  void turnsOfUnavailableEndpointsAreSpreadEvenly() throws Exception {
    calls(3);
    avoided.add("a");
    List<String> answers = calls(20);
    assertThat(frequency(answers, "b")).isEqualTo(10);
    assertThat(frequency(answers, "c")).isEqualTo(10);
  }

  @Test
  void unavailableEndpointsAreCalledWhenAllAreUnavailable() throws Exception {
    calls(3);
    avoided.addAll(List.of("a", "b", "c"));
    assertThat(calls(3)).containsExactlyInAnyOrder("a", "b", "c");
  }

  @Test
  void endpointThatRejectsTheCallIsSkipped() throws Exception {
    calls(3);
    avoided.addAll(List.of("a", "b"));
    assertThat(balanced.call(Context.background(), "refuse")).isEqualTo("c");
  }

  @Test
  void eachPickThatSkipsAnInstanceIsLoggedAtDebug() throws Exception {
    calls(3);
    assertThat(log.lines()).isEmpty();
    avoided.add("a");

    assertThat(calls(2)).containsExactly("b", "c");
    assertThat(log.linesFrom(Level.DEBUG))
        .containsExactly(
            "DEBUG skipped a:1: breaker open for 3.1 s; picked b:1",
            "DEBUG skipped a:1: breaker open for 3.1 s; picked c:1");
  }

  @Test
  void instancesThatTheCallHasTriedAreLoggedAsSkipped() throws Exception {
    calls(3);
    avoided.add("b");
    Attempts attempts = new Attempts();
    attempts.broke("a:1");

    balanced.call(Context.background().with(Attempts.KEY, attempts), "any");
    assertThat(log.linesFrom(Level.DEBUG))
        .containsExactly(
            "DEBUG skipped a:1: tried by this call, b:1: breaker open for 3.1 s; picked c:1");
  }

  @Test
  void pickAmongUnavailableInstancesSkipsNone() throws Exception {
    calls(3);
    avoided.addAll(List.of("a", "b", "c"));
    calls(3);

    assertThat(log.lines()).isEmpty();
  }
}
