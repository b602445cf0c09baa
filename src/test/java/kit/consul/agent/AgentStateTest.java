// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kit.StatusException;
import kit.consul.agent.Changes.Found;
import kit.consul.agent.Changes.Wait;
import kit.http.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.FakeNanoTime;
import testing.Race;

class AgentStateTest {
  private final FakeNanoTime time = new FakeNanoTime(Long.MAX_VALUE - 1);
  private double random = 0;
  private final AgentState state =
      new AgentState(ServiceDefinition.ofServer(8300), time, () -> random);

  private void register(String json) {
    register(json, true);
  }

  private void register(String json, boolean replaceChecks) {
    try {
      byte[] bytes = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
      Map<String, JsonNode> members = GoJson.members(Json.readTree(bytes));
      JsonNode check = members.remove("Check");
      ServiceDefinition service = ServiceDefinition.read(members);
      state.register(service, CheckDefinition.readAll(check, null, service), replaceChecks);
    } catch (Json.MalformedException e) {
      throw new IllegalArgumentException(json, e);
    }
  }

  private void pass(Duration span) {
    time.advance(span);
    state.takeDue();
  }

  private String status(String checkId) {
    return check(checkId).get("Status").asText();
  }

  private String output(String checkId) {
    return check(checkId).get("Output").asText();
  }

  private ObjectNode check(String checkId) {
    return state.checks().stream()
        .filter(it -> it.get("CheckID").asText().equals(checkId))
        .findFirst()
        .orElseThrow();
  }

  /** Those of services: not the one that each node has. */
  private List<String> checkIds() {
    return state.checks().stream()
        .map(it -> it.get("CheckID").asText())
        .filter(id -> !id.equals(AgentState.SERF_HEALTH))
        .toList();
  }

  private Found<List<ObjectNode>> health(String service) {
    try {
      return state.health(service, new Wait(0, 0));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private long index(String service) {
    return health(service).index();
  }

  @Test
  void ttlCheckTurnsCriticalWhenItsTimeIsUp() {
    register("{'Name':'web','Check':{'TTL':'10s','Status':'passing'}}");

    pass(Duration.ofMillis(9_999));
    assertThat(status("service:web")).isEqualTo("passing");

    long before = index("web");
    pass(Duration.ofMillis(1));
    assertThat(status("service:web")).isEqualTo("critical");
    assertThat(output("service:web")).isEqualTo("TTL expired");
    assertThat(index("web")).isEqualTo(before + 1);
  }

  @Test
  void eachUpdateOfATtlCheckStartsItsTimeAnew() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    for (int i = 0; i < 5; i++) {
      pass(Duration.ofSeconds(9));
      state.updateTtl("service:web", "passing", "fine " + i);
    }
    assertThat(status("service:web")).isEqualTo("passing");

    pass(Duration.ofSeconds(10));
    assertThat(status("service:web")).isEqualTo("critical");
    assertThat(output("service:web"))
        .isEqualTo("TTL expired (last output before timeout follows): fine 4");
  }

  @Test
  void criticalServiceIsRemovedAfterAMinuteAtLeast() {
    // 1 s is taken for the 1 min that is Consul's least; the agent looks every 30 s.
    register("{'Name':'web','Check':{'TTL':'10s','DeregisterCriticalServiceAfter':'1s'}}");
    long before = index("web");

    pass(Duration.ofSeconds(10)); // Critical from here on.
    pass(Duration.ofSeconds(60)); // A look, but a minute is not more than a minute.
    pass(Duration.ofMillis(29_999));
    assertThat(state.instance("web")).isNotNull();

    pass(Duration.ofMillis(1));
    assertThat(state.instance("web")).isNull();
    assertThat(checkIds()).isEmpty();
    assertThat(health("web").value()).isEmpty();
    assertThat(index("web")).isGreaterThan(before);
  }

  @Test
  void oneGoodResultSavesACriticalService() {
    register("{'Name':'web','Check':{'TTL':'10s','DeregisterCriticalServiceAfter':'1m'}}");
    for (int i = 0; i < 10; i++) {
      pass(Duration.ofSeconds(10)); // Critical.
      pass(Duration.ofSeconds(50));
      state.updateTtl("service:web", "warning", "");
    }
    assertThat(state.instance("web")).isNotNull();
  }

  @Test
  void statusThatNoRunHasFoundRemovesNobody() {
    register("{'Name':'web','Check':{'TTL':'1h','DeregisterCriticalServiceAfter':'1m'}}");
    assertThat(status("service:web")).isEqualTo("critical");

    for (int i = 0; i < 58; i++) {
      pass(Duration.ofMinutes(1));
    }
    assertThat(state.instance("web")).isNotNull();
  }

  @Test
  void criticalServiceStaysIfNothingElseWasAskedFor() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    for (int i = 0; i < 100; i++) {
      pass(Duration.ofHours(1));
    }
    assertThat(state.instance("web")).isNotNull();
  }

  @Test
  void firstRunsAreSpreadOverTheInterval() {
    random = 0.5;
    register("{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'10s'}}");

    time.advance(Duration.ofMillis(4_999));
    assertThat(state.takeDue()).isEmpty();
    time.advance(Duration.ofMillis(1));
    assertThat(state.takeDue()).hasSize(1);
  }

  @Test
  void nextRunStartsAnIntervalAfterTheLastHasEnded() {
    register("{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'10s'}}");
    AgentState.Check check = state.takeDue().get(0);

    time.advance(Duration.ofHours(1)); // It takes its time; a second run beside it would not help.
    assertThat(state.takeDue()).isEmpty();
    state.report(check, "passing", "");

    time.advance(Duration.ofMillis(9_999));
    assertThat(state.takeDue()).isEmpty();
    time.advance(Duration.ofMillis(1));
    assertThat(state.takeDue()).containsExactly(check);
  }

  @Test
  void intervalIsASecondAtLeast() {
    register("{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'1ms'}}");
    state.report(state.takeDue().get(0), "passing", "");

    time.advance(Duration.ofMillis(999));
    assertThat(state.takeDue()).isEmpty();
    time.advance(Duration.ofMillis(1));
    assertThat(state.takeDue()).hasSize(1);
  }

  @Test
  void lateResultOfAReplacedCheckIsDropped() {
    String web = "{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'10s','Status':'passing'}}";
    register(web);
    AgentState.Check replaced = state.takeDue().get(0);
    register(web);

    state.report(replaced, "critical", "late");

    assertThat(status("service:web")).isEqualTo("passing");
    AgentState.Check removed = state.takeDue().get(0);
    state.deregister("web");
    state.report(removed, "critical", "later");
    assertThat(checkIds()).isEmpty();

    register(web);
    long before = index("web");
    state.report(removed, "critical", "much later");
    assertThat(index("web")).isEqualTo(before);
  }

  @Test
  void onlyAnotherStatusIsNews() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    long before = index("web");

    state.updateTtl("service:web", "critical", "other words");
    assertThat(index("web")).isEqualTo(before);
    assertThat(output("service:web")).isEqualTo("other words");

    state.updateTtl("service:web", "warning", "other words");
    assertThat(index("web")).isEqualTo(before + 1);
  }

  @Test
  void sameRegistrationIsNoNews() {
    String web = "{'Name':'web','Tags':['a'],'Meta':{'k':'v'},'Check':{'TTL':'10s'}}";
    register(web);
    long before = index("web");
    register(web);
    assertThat(index("web")).isEqualTo(before);

    register(web.replace("'a'", "'b'"));
    assertThat(index("web")).isGreaterThan(before);
  }

  @Test
  void resultsOfChecksAreNoNewsToTheCatalogue() throws Exception {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    Wait now = new Wait(0, 0);
    long instances = state.catalog("web", now).index();
    long names = state.catalog(now).index();
    long health = index("web");

    state.updateTtl("service:web", "passing", "");
    assertThat(state.catalog("web", now).index()).isEqualTo(instances);
    assertThat(state.catalog(now).index()).isEqualTo(names);
    assertThat(index("web")).isGreaterThan(health);

    health = index("web");
    register("{'Name':'web','Port':80,'Check':{'TTL':'10s'}}");
    assertThat(state.catalog("web", now).index()).isGreaterThan(health);
    assertThat(state.catalog(now).index()).isGreaterThan(names);
  }

  @Test
  void outputIsBounded() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    state.updateTtl("service:web", "passing", "x".repeat(1_000_000));
    assertThat(output("service:web")).hasSize(4096);
  }

  @Test
  void outputIsNotCutInTheMiddleOfACharacter() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    state.updateTtl("service:web", "passing", "x".repeat(4095) + "\uD83D\uDE00");
    assertThat(output("service:web")).isEqualTo("x".repeat(4095));
  }

  @Test
  void serviceThatChangesItsNameLeavesTheOldList() {
    register("{'ID':'1','Name':'old'}");
    register("{'ID':'1','Name':'new'}");
    assertThat(health("old").value()).isEmpty();
    assertThat(health("new").value()).hasSize(1);
  }

  @Test
  void checkIdThatAnotherServiceTakesIsItsFromThenOn() {
    register("{'Name':'a','Check':{'CheckID':'c','TTL':'10s'}}");
    long before = index("a");
    register("{'Name':'b','Check':{'CheckID':'c','TTL':'10s'}}");

    assertThat(check("c").get("ServiceID").asText()).isEqualTo("b");
    assertThat(index("a")).isGreaterThan(before);
    assertThat(health("a").value())
        .singleElement()
        .matches(it -> it.get("Checks").size() == 1); // The node's.

    state.deregister("a");
    assertThat(check("c").get("ServiceID").asText()).isEqualTo("b");
  }

  @Test
  void replacingTheChecksOfOneServiceLeavesThoseOfOthers() {
    register("{'Name':'a','Check':{'TTL':'10s'}}");
    register("{'Name':'b','Check':{'TTL':'10s'}}");
    register("{'Name':'b'}", true);
    assertThat(checkIds()).containsExactly("service:a");
  }

  @Test
  void grpcCheckKeepsItsInitialStatus() {
    register("{'Name':'web','Check':{'GRPC':'127.0.0.1:1','Interval':'1s','Status':'warning'}}");
    pass(Duration.ofHours(1));
    assertThat(status("service:web")).isEqualTo("warning");
  }

  @Test
  void closedAgentTakesNoRegistrationAndMakesNobodyWait() {
    register("{'Name':'web'}");
    state.close();
    assertThatThrownBy(() -> register("{'Name':'late'}"))
        .isInstanceOfSatisfying(StatusException.class, e -> assertThat(e.status()).isEqualTo(503));
    for (String name : List.of("web", "none")) {
      assertThatThrownBy(() -> await(name, index(name)))
          .isInstanceOfSatisfying(
              StatusException.class, e -> assertThat(e.status()).isEqualTo(503));
    }
  }

  @Test
  void checkThatIsDueEarlierThanAllOthersWakesTheTimer() throws Exception {
    random = 0.5;
    register("{'Name':'late','Check':{'TCP':'127.0.0.1:1','Interval':'1h'}}");
    CompletableFuture<Void> due = new CompletableFuture<>();
    Thread timer =
        new Thread(
            () -> {
              try {
                state.awaitDue();
                due.complete(null);
              } catch (InterruptedException e) {
                due.completeExceptionally(e);
              }
            });
    timer.setDaemon(true);
    timer.start();
    while (timer.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }

    random = 0;
    register("{'Name':'early','Check':{'TCP':'127.0.0.1:1','Interval':'1h'}}");

    due.get(10, TimeUnit.SECONDS);
  }

  /**
   * Each watcher only sees the last instance if none of the wake-ups before it was lost: nothing
   * else ends its waits, as time stands still.
   */
  @Test
  @Timeout(60)
  void noWakeUpIsLost() throws Exception {
    int writers = 4;
    int each = 50;
    List<Boolean> followed =
        Race.runNumbered(
            2 * writers,
            thread -> {
              if (thread < writers) {
                for (int i = 0; i < each; i++) {
                  register("{'Name':'web','ID':'" + thread + "-" + i + "'}");
                  register("{'Name':'other','ID':'other-" + thread + "-" + i + "'}");
                }
                return true;
              }
              long index = 0;
              for (int seen = 0; seen < writers * each; ) {
                Found<List<ObjectNode>> found = await("web", index);
                index = found.index();
                seen = found.value().size();
              }
              return true;
            });
    assertThat(followed).containsOnly(true);
    assertThat(AgentJson.tagsByName(state.catalog(new Wait(0, 0)).value()))
        .containsOnlyKeys("consul", "web", "other");
  }

  private Found<List<ObjectNode>> await(String name, long index) throws InterruptedException {
    return state.health(name, new Wait(index, TimeUnit.SECONDS.toNanos(5)));
  }
}
