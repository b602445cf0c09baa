// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kit.StatusException;
import kit.consul.agent.CheckDefinition.Status;
import kit.http.Json;
import org.junit.jupiter.api.Test;
import testing.FakeNanoTime;
import testing.Race;

class AgentStateTest {
  private final FakeNanoTime time = new FakeNanoTime(Long.MAX_VALUE - 1);
  private final AgentCatalog catalog = new AgentCatalog(time);
  private double random = 0;
  private final AgentState state = new AgentState(catalog, time, () -> random);

  private void register(String json) {
    register(json, true);
  }

  private void register(String json, boolean replaceChecks) {
    try {
      byte[] bytes = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
      JsonFields fields = new JsonFields(Json.readTree(bytes));
      ServiceDefinition service = ServiceDefinition.read(fields);
      state.register(service, CheckDefinition.readAll(fields, service), replaceChecks);
    } catch (Json.MalformedException e) {
      throw new IllegalArgumentException(json, e);
    }
  }

  private void pass(Duration span) {
    time.advance(span);
    state.takeDue();
  }

  private Status status(String checkId) {
    return check(checkId).status();
  }

  private ServiceListing.Check check(String checkId) {
    return state.checks().stream().filter(it -> it.id().equals(checkId)).findFirst().orElseThrow();
  }

  private long index(String service) {
    return catalog.listing(service).healthIndex;
  }

  @Test
  void ttlCheckTurnsCriticalWhenItsTimeIsUp() {
    register("{'Name':'web','Check':{'TTL':'10s','Status':'passing'}}");

    pass(Duration.ofMillis(9_999));
    assertThat(status("service:web")).isEqualTo(Status.PASSING);

    long before = index("web");
    pass(Duration.ofMillis(1));
    assertThat(status("service:web")).isEqualTo(Status.CRITICAL);
    assertThat(check("service:web").output()).isEqualTo("TTL expired");
    assertThat(index("web")).isEqualTo(before + 1);
  }

  @Test
  void eachUpdateOfATtlCheckStartsItsTimeAnew() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    for (int i = 0; i < 5; i++) {
      pass(Duration.ofSeconds(9));
      state.updateTtl("service:web", Status.PASSING, "fine " + i);
    }
    assertThat(status("service:web")).isEqualTo(Status.PASSING);

    pass(Duration.ofSeconds(10));
    assertThat(status("service:web")).isEqualTo(Status.CRITICAL);
    assertThat(check("service:web").output())
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
    assertThat(state.checks()).isEmpty();
    assertThat(catalog.listing("web").instances()).isEmpty();
    assertThat(index("web")).isGreaterThan(before);
  }

  @Test
  void oneGoodResultSavesACriticalService() {
    register("{'Name':'web','Check':{'TTL':'10s','DeregisterCriticalServiceAfter':'1m'}}");
    for (int i = 0; i < 10; i++) {
      pass(Duration.ofSeconds(10)); // Critical.
      pass(Duration.ofSeconds(50));
      state.updateTtl("service:web", Status.WARNING, "");
    }
    assertThat(state.instance("web")).isNotNull();
  }

  @Test
  void statusThatNoRunHasFoundRemovesNobody() {
    register("{'Name':'web','Check':{'TTL':'1h','DeregisterCriticalServiceAfter':'1m'}}");
    assertThat(status("service:web")).isEqualTo(Status.CRITICAL);

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
    state.report(check, Status.PASSING, "");

    time.advance(Duration.ofMillis(9_999));
    assertThat(state.takeDue()).isEmpty();
    time.advance(Duration.ofMillis(1));
    assertThat(state.takeDue()).containsExactly(check);
  }

  @Test
  void intervalIsASecondAtLeast() {
    register("{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'1ms'}}");
    state.report(state.takeDue().get(0), Status.PASSING, "");

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

    state.report(replaced, Status.CRITICAL, "late");

    assertThat(status("service:web")).isEqualTo(Status.PASSING);
    AgentState.Check removed = state.takeDue().get(0);
    state.deregister("web");
    state.report(removed, Status.CRITICAL, "later");
    assertThat(state.checks()).isEmpty();

    register(web);
    long before = index("web");
    state.report(removed, Status.CRITICAL, "much later");
    assertThat(index("web")).isEqualTo(before);
  }

  @Test
  void onlyAnotherStatusIsNews() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    long before = index("web");

    state.updateTtl("service:web", Status.CRITICAL, "other words");
    assertThat(index("web")).isEqualTo(before);
    assertThat(check("service:web").output()).isEqualTo("other words");

    state.updateTtl("service:web", Status.WARNING, "other words");
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
    assertThat(index("web")).isEqualTo(before + 1);
  }

  @Test
  void resultsOfChecksAreNoNewsToTheCatalogue() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    ServiceListing before = catalog.listing("web");
    long names = catalog.names().index;

    state.updateTtl("service:web", Status.PASSING, "");
    ServiceListing after = catalog.listing("web");
    assertThat(after.definitionIndex).isEqualTo(before.definitionIndex);
    assertThat(after.healthIndex).isGreaterThan(before.healthIndex);
    assertThat(catalog.names().index).isEqualTo(names);

    register("{'Name':'web','Port':80,'Check':{'TTL':'10s'}}");
    assertThat(catalog.listing("web").definitionIndex).isGreaterThan(after.healthIndex);
    assertThat(catalog.names().index).isGreaterThan(names);
  }

  @Test
  void outputIsBounded() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    state.updateTtl("service:web", Status.PASSING, "x".repeat(1_000_000));
    assertThat(check("service:web").output()).hasSize(4096);
  }

  @Test
  void outputIsNotCutInTheMiddleOfACharacter() {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    state.updateTtl("service:web", Status.PASSING, "x".repeat(4095) + "\uD83D\uDE00");
    assertThat(check("service:web").output()).isEqualTo("x".repeat(4095));
  }

  @Test
  void halfACharacterDoesNotSpoilEveryAnswer() {
    register("{'Name':'web','Tags':['\\ud83d']}");
    AgentJson json = new AgentJson("127.0.0.1");
    assertThat(new String(catalog.listing("web").health(true, List.of(), json)))
        .contains("\"Tags\":[\"?\"]");
  }

  @Test
  void serviceThatChangesItsNameLeavesTheOldList() {
    register("{'ID':'1','Name':'old'}");
    register("{'ID':'1','Name':'new'}");
    assertThat(catalog.listing("old").instances()).isEmpty();
    assertThat(catalog.listing("new").instances()).hasSize(1);
  }

  @Test
  void checkIdThatAnotherServiceTakesIsItsFromThenOn() {
    register("{'Name':'a','Check':{'CheckID':'c','TTL':'10s'}}");
    long before = index("a");
    register("{'Name':'b','Check':{'CheckID':'c','TTL':'10s'}}");

    assertThat(check("c").serviceId()).isEqualTo("b");
    assertThat(index("a")).isGreaterThan(before);
    assertThat(catalog.listing("a").instances()).singleElement().matches(it -> it.checks.isEmpty());

    state.deregister("a");
    assertThat(check("c").serviceId()).isEqualTo("b");
  }

  @Test
  void replacingTheChecksOfOneServiceLeavesThoseOfOthers() {
    register("{'Name':'a','Check':{'TTL':'10s'}}");
    register("{'Name':'b','Check':{'TTL':'10s'}}");
    register("{'Name':'b'}", true);
    assertThat(state.checks()).extracting(ServiceListing.Check::id).containsExactly("service:a");
  }

  @Test
  void grpcCheckKeepsItsInitialStatus() {
    register("{'Name':'web','Check':{'GRPC':'127.0.0.1:1','Interval':'1s','Status':'warning'}}");
    pass(Duration.ofHours(1));
    assertThat(status("service:web")).isEqualTo(Status.WARNING);
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
                ServiceListing listing = await("web", index);
                if (listing.healthIndex <= index) {
                  return false;
                }
                index = listing.healthIndex;
                seen = listing.instances().size();
              }
              return true;
            });
    assertThat(followed).containsOnly(true);
    assertThat(catalog.tagsByName()).containsOnlyKeys("web", "other");
  }

  private ServiceListing await(String name, long index) throws InterruptedException {
    return catalog.await(
        () -> catalog.listing(name),
        listing -> listing.healthIndex,
        index,
        TimeUnit.SECONDS.toNanos(5));
  }
}
