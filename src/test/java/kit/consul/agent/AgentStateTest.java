// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import kit.StatusException;
import kit.consul.agent.Changes.Found;
import kit.consul.agent.Changes.Wait;
import kit.http.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.FakeNanoTime;
import testing.Race;

/** Behaviour of the agent that takes minutes or needs a race; see {@code it.ConsulContract}. */
class AgentStateTest {
  private static final CheckProbe.Result PASSING = new CheckProbe.Result("passing", "");
  private static final CheckProbe.Result CRITICAL = new CheckProbe.Result("critical", "late");

  private final FakeSchedule schedule = new FakeSchedule();
  private final AgentState state = new AgentState(ServiceDefinition.ofServer(8300), schedule);

  /** Runs tasks in {@link #pass}; what a check finds is up to the test. */
  private static final class FakeSchedule implements AgentCheck.Schedule {
    private record Task(long dueAtNanos, FutureTask<Void> work) {}

    private final FakeNanoTime time = new FakeNanoTime(Long.MAX_VALUE - 1);
    private final List<Task> tasks = new ArrayList<>();
    private final Deque<Consumer<CheckProbe.Result>> running = new ArrayDeque<>();
    private double firstRun;

    @Override
    public long nanoTime() {
      return time.getAsLong();
    }

    @Override
    public double firstRun() {
      return firstRun;
    }

    @Override
    public Future<?> in(long delayNanos, Runnable task) {
      tasks.add(new Task(nanoTime() + delayNanos, new FutureTask<>(task, null)));
      return tasks.get(tasks.size() - 1).work;
    }

    @Override
    public void run(CheckDefinition check, Consumer<CheckProbe.Result> report) {
      running.add(report);
    }

    void pass(Duration span) throws Exception {
      time.advance(span);
      List<Task> due = tasks.stream().filter(it -> it.dueAtNanos - nanoTime() <= 0).toList();
      tasks.removeAll(due);
      for (Task task : due) {
        task.work.run();
        if (!task.work.isCancelled()) {
          task.work.get();
        }
      }
    }
  }

  private void register(String json) throws Exception {
    byte[] bytes = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    Map<String, JsonNode> members = GoJson.members(Json.readTree(bytes));
    JsonNode check = members.remove("Check");
    ServiceDefinition service = ServiceDefinition.read(members);
    state.register(service, CheckDefinition.readAll(check, null, service), true);
  }

  private void pass(Duration span) throws Exception {
    schedule.pass(span);
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

  private List<String> checkIds() {
    return state.checks().stream().map(it -> it.get("CheckID").asText()).toList();
  }

  private Found<List<ServiceInstance>> health(String name, Wait wait) throws Exception {
    return state.await(
        changes -> changes.ofHealth(name), () -> state.instances(it -> it.isNamed(name)), wait);
  }

  private Found<List<ServiceInstance>> health(String name) throws Exception {
    return health(name, new Wait(0, 0));
  }

  private long index(String name) throws Exception {
    return health(name).index();
  }

  @Test
  void ttlCheckTurnsCriticalWhenItIsNotUpdatedInTime() throws Exception {
    register("{'Name':'web','Check':{'TTL':'10s','Status':'passing'}}");
    for (int i = 0; i < 5; i++) {
      pass(Duration.ofMillis(9_999));
      assertThat(status("service:web")).isEqualTo("passing");
      state.updateTtl("service:web", "passing", "fine " + i);
    }

    long before = index("web");
    pass(Duration.ofSeconds(10));
    assertThat(status("service:web")).isEqualTo("critical");
    assertThat(output("service:web"))
        .isEqualTo("TTL expired (last output before timeout follows): fine 4");
    assertThat(index("web")).isEqualTo(before + 1);
  }

  @Test
  void updateThatRacesWithTheExpiryOfTheTtlCounts() throws Exception {
    register("{'Name':'web','Check':{'TTL':'10s','Status':'passing'}}");
    Runnable end = schedule.tasks.get(schedule.tasks.size() - 1).work;
    schedule.time.advance(Duration.ofSeconds(10));

    state.updateTtl("service:web", "passing", "just in time");
    end.run();

    assertThat(status("service:web")).isEqualTo("passing");
  }

  @Test
  void criticalServiceIsRemovedAfterAMinuteAtLeast() throws Exception {
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

  @ParameterizedTest
  @CsvSource({
    "10s, 1m, true, a good result saves it each time",
    "1h, 1m, false, no run has found the initial status",
    "10s, 0s, false, nothing else was asked for"
  })
  void criticalServiceStaysBecause(String ttl, String after, boolean isSaved, String reason)
      throws Exception {
    register(
        "{'Name':'web','Check':{'TTL':'%s','DeregisterCriticalServiceAfter':'%s'}}"
            .formatted(ttl, after));
    assertThat(status("service:web")).isEqualTo("critical");
    for (int i = 0; i < 10; i++) {
      pass(Duration.ofSeconds(10));
      pass(Duration.ofSeconds(50));
      if (isSaved) {
        state.updateTtl("service:web", "warning", "");
      }
    }
    assertThat(state.instance("web")).as(reason).isNotNull();
  }

  @Test
  void runsStartAtARandomTimeAndAnIntervalAfterTheLastHasEnded() throws Exception {
    schedule.firstRun = 0.5;
    register("{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'10s'}}");
    pass(Duration.ofMillis(4_999));
    assertThat(schedule.running).isEmpty();
    pass(Duration.ofMillis(1));
    assertThat(schedule.running).hasSize(1);

    pass(Duration.ofHours(1)); // It takes its time; a second run beside it would not help.
    assertThat(schedule.running).hasSize(1);
    schedule.running.remove().accept(PASSING);

    pass(Duration.ofMillis(9_999));
    assertThat(schedule.running).isEmpty();
    pass(Duration.ofMillis(1));
    assertThat(schedule.running).hasSize(1);
  }

  @Test
  void intervalIsASecondAtLeast() throws Exception {
    register("{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'1ms'}}");
    pass(Duration.ZERO);
    schedule.running.remove().accept(PASSING);

    pass(Duration.ofMillis(999));
    assertThat(schedule.running).isEmpty();
    pass(Duration.ofMillis(1));
    assertThat(schedule.running).hasSize(1);
  }

  @Test
  void lateResultOfAReplacedCheckIsDropped() throws Exception {
    String web = "{'Name':'web','Check':{'TCP':'127.0.0.1:1','Interval':'10s','Status':'passing'}}";
    register(web);
    pass(Duration.ZERO);
    Consumer<CheckProbe.Result> replaced = schedule.running.remove();
    register(web);

    replaced.accept(CRITICAL);
    assertThat(status("service:web")).isEqualTo("passing");

    pass(Duration.ZERO);
    Consumer<CheckProbe.Result> removed = schedule.running.remove();
    state.deregister("web");
    removed.accept(CRITICAL);
    assertThat(checkIds()).isEmpty();

    register(web);
    long before = index("web");
    removed.accept(CRITICAL);
    assertThat(index("web")).isEqualTo(before);
  }

  @Test
  void replacedAndRemovedChecksLeaveNoTaskBehind() throws Exception {
    for (int i = 0; i < 3; i++) {
      register("{'Name':'web','Check':{'TTL':'10s'}}");
      state.updateTtl("service:web", "passing", "");
    }
    state.deregister("web");
    assertThat(schedule.tasks).filteredOn(it -> !it.work.isCancelled()).hasSize(1); // Of removal.
  }

  @Test
  void outputIsBoundedAndNotCutInTheMiddleOfACharacter() throws Exception {
    register("{'Name':'web','Check':{'TTL':'10s'}}");
    state.updateTtl("service:web", "passing", "x".repeat(1_000_000));
    assertThat(output("service:web")).hasSize(4096);
    state.updateTtl("service:web", "passing", "x".repeat(4095) + "\uD83D\uDE00");
    assertThat(output("service:web")).isEqualTo("x".repeat(4095));
  }

  @Test
  void serviceThatChangesItsNameLeavesTheOldList() throws Exception {
    register("{'ID':'1','Name':'old'}");
    long before = index("old");
    register("{'ID':'1','Name':'new'}");
    assertThat(health("old").value()).isEmpty();
    assertThat(index("old")).isGreaterThan(before);
    assertThat(health("new").value()).hasSize(1);
  }

  @Test
  void checkIdReusedByAnotherServiceBelongsToIt() throws Exception {
    register("{'Name':'a','Check':{'CheckID':'c','TTL':'10s'}}");
    long before = index("a");
    register("{'Name':'b','Check':{'CheckID':'c','TTL':'10s'}}");

    assertThat(check("c").get("ServiceID").asText()).isEqualTo("b");
    assertThat(index("a")).isGreaterThan(before);
    assertThat(health("a").value())
        .singleElement()
        .matches(it -> it.checks().size() == 1); // The node's.

    register("{'Name':'a'}"); // Replaces its own checks only.
    state.deregister("a");
    assertThat(check("c").get("ServiceID").asText()).isEqualTo("b");
  }

  @Test
  void grpcCheckIsRunWithAndWithoutTls() throws Exception {
    String check = "'GRPC':'127.0.0.1:1','Interval':'1s','Status':'warning'";
    register("{'Name':'web','Check':{" + check + ",'GRPCUseTLS':true}}");
    register("{'Name':'clear','Check':{" + check + "}}");
    pass(Duration.ofSeconds(2));
    assertThat(schedule.running).hasSize(2);
    assertThat(status("service:web")).isEqualTo("warning");
  }

  @Test
  void closedAgentRejectsRegistrationsAndWaiting() throws Exception {
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
                Found<List<ServiceInstance>> found = await("web", index);
                index = found.index();
                seen = found.value().size();
              }
              return true;
            });
    assertThat(followed).containsOnly(true);
    assertThat(AgentJson.tagsByName(state.instances(any -> true)))
        .containsOnlyKeys("consul", "web", "other");
  }

  private Found<List<ServiceInstance>> await(String name, long index) throws Exception {
    return health(name, new Wait(index, TimeUnit.SECONDS.toNanos(5)));
  }
}
