// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Collections.frequency;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import kit.Attempts;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.discovery.Instance;
import kit.discovery.Instances;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.event.Level;
import testing.Eventually;
import testing.Race;
import testing.RecordingLogger;

/** Names are {@code a:1}, {@code b:1}, ...; by default, the first one is picked. */
@Timeout(9) // Less than the wait for the first list, which a test must not run into.
class BalancedEndpointTest {
  private static final Context NO_DEADLINE = Context.background();

  private final ChangingInstances instances = new ChangingInstances();
  private final Peers peers = new Peers();
  private final RecordingLogger log = new RecordingLogger();
  private final Attempts attempts = new Attempts();
  private BalancedEndpoint<String, String> balanced = balanced(instances, peers);

  /** Picks the first. */
  private static BalancedEndpoint<String, String> balanced(
      Instances instances, Function<Instance, Endpoint<String, String>> factory) {
    return new BalancedEndpoint<>("userservice", instances, factory, list -> list.get(0));
  }

  private BalancedEndpoint<String, String> balanced(Picker<Node<String, String>> picker) {
    return new BalancedEndpoint<>("userservice", instances, peers, picker);
  }

  private BalancedEndpoint<String, String> balancedOverThoseOf(
      Function<Instance, Endpoint<String, String>> factory) {
    return new BalancedEndpoint<>(
        "userservice",
        instances,
        factory,
        new RoundRobinPicker(0)::pick,
        Duration.ofSeconds(5),
        log);
  }

  private String call() throws Exception {
    return balanced.call(NO_DEADLINE, "request");
  }

  /** As retry does. */
  private String attempt() throws Exception {
    return balanced.call(NO_DEADLINE.with(Attempts.KEY, attempts), "request");
  }

  private static ThrowableAssertAlternative<PeerException> assertNoInstance(
      ThrowingCallable call, String message) {
    return assertThatExceptionOfType(PeerException.class)
        .isThrownBy(call)
        .withMessage(message)
        .returns(Kind.NO_INSTANCE, PeerException::kind);
  }

  @AfterEach
  void endpointsAreClosedOnceAndNeverInUse() {
    balanced.close();
    assertThat(peers.made())
        .allSatisfy(peer -> assertThat(peer.faults).as(peer.toString()).hasValue(0));
    assertThat(peers.made())
        .allSatisfy(peer -> assertThat(peer.closes).as(peer.toString()).hasValue(1));
  }

  /** A call on a thread of its own. */
  private record Running(Thread thread, FutureTask<String> result) {
    static Running start(Callable<String> call) {
      FutureTask<String> result = new FutureTask<>(call);
      Thread thread = new Thread(result, "caller");
      thread.setDaemon(true);
      thread.start();
      return new Running(thread, result);
    }

    String answer() throws Exception {
      try {
        return result.get(5, SECONDS);
      } catch (ExecutionException e) {
        throw (Exception) e.getCause();
      }
    }
  }

  /** Blocks calls until the test releases them. */
  private static final class Gate implements Endpoint<String, String> {
    private final CountDownLatch entered;
    private final CountDownLatch opened = new CountDownLatch(1);

    Gate(int calls) {
      entered = new CountDownLatch(calls);
    }

    @Override
    public String call(Context context, String request) throws InterruptedException {
      entered.countDown();
      assertThat(opened.await(5, SECONDS)).isTrue();
      return "late";
    }

    void awaitCalls() throws InterruptedException {
      assertThat(entered.await(5, SECONDS)).isTrue();
    }

    void open() {
      opened.countDown();
    }
  }

  @Nested
  class EndpointOfAnInstance {
    /** A step is a call, or the list of instances from then on; {@code none} is the empty one. */
    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        nullValues = "none",
        textBlock =
            """
            # what is tested         | steps                                | asked   | made | open
            made at the first call   | a,b                                  | none    | none | none
            made once                | a,b call call call call              | a b a b | a b  | a b
            kept                     | a,b call call b,c,a a,b call call    | a b a b | a b  | a b
            once for duplicates      | a,a,b,b call call call               | a b a   | a b  | a b
            closed when it goes      | a,b call call b                      | a b     | a b  | b
            closed once              | a,b call call b b none               | a b     | a b  | none
            anew when it comes back  | a call none a call                   | a a     | a a  | a
            not if it goes uncalled  | a,b call a                           | a       | a    | a
            calls go round           | a,b,c call call call call call call  | a b c a b c | a b c | a b c
            """)
    void isMadeAtTheFirstCallAndClosedWhenItsInstanceGoes(
        String tested, String steps, String asked, String made, String open) throws Exception {
      balanced = balanced(new RoundRobinPicker(0)::pick);
      for (String step : steps.split(" ")) {
        if (step.equals("call")) {
          call();
        } else {
          instances.set(names(step.equals("none") ? null : step));
        }
      }

      assertThat(peers.takeAsked()).as(tested).containsExactly(names(asked));
      assertThat(peers.made()).extracting(peer -> peer.name).containsExactly(names(made));
      assertThat(peers.open()).containsExactly(names(open));
    }

    private static String[] names(String hosts) {
      return hosts == null
          ? new String[0]
          : Stream.of(hosts.split("[ ,]")).map(host -> host + ":1").toArray(String[]::new);
    }

    @Test
    void isMadeForTheInstanceWithItsMeta() throws Exception {
      Instance described = new Instance("a", 1, List.of("primary"), Map.of("scheme", "https"));
      List<Instance> given = new ArrayList<>();
      balanced =
          balanced(
              instances,
              instance -> {
                given.add(instance);
                return peers.apply(instance);
              });
      instances.set(List.of(described));

      call();

      assertThat(given).containsExactly(described);
    }

    @Test
    void isMadeAgainWhenTheSchemeChanges() throws Exception {
      List<String> schemes = new ArrayList<>();
      balanced =
          balanced(
              instances,
              instance -> {
                schemes.add(instance.scheme(""));
                return peers.apply(instance);
              });
      for (Instance instance :
          List.of(
              Instance.of("a", 1),
              new Instance("a", 1, List.of(), Map.of("zone", "b")),
              Instance.parseAddress("https://a:1"),
              Instance.parseAddress("http://a:1"))) {
        instances.set(List.of(instance));
        assertThat(call()).isEqualTo("a:1");
      }
      assertThat(schemes).containsExactly("", "https", "http");
      assertThat(peers.open()).containsExactly("a:1");
    }

    @Test
    void staysOpenUntilItsLastCallHasEnded() throws Exception {
      Gate slow = new Gate(2);
      peers.answer("a:1", slow);
      instances.set("a:1");
      Running first = Running.start(BalancedEndpointTest.this::call);
      Running second = Running.start(BalancedEndpointTest.this::call);
      slow.awaitCalls();

      instances.set("b:1");

      assertThat(call()).isEqualTo("b:1");
      assertThat(peers.open()).containsExactlyInAnyOrder("a:1", "b:1");
      slow.open();
      assertThat(first.answer()).isEqualTo("late");
      assertThat(second.answer()).isEqualTo("late");
      assertThat(peers.open()).containsExactly("b:1");
    }

    @Test
    void raceForTheFirstCallLeavesOne() throws Exception {
      CyclicBarrier bothMake = new CyclicBarrier(2);
      AtomicInteger makers = new AtomicInteger();
      balanced =
          balanced(
              instances,
              instance -> {
                makers.incrementAndGet();
                await(bothMake);
                return peers.apply(instance);
              });
      instances.set("a:1");

      assertThat(Race.run(2, BalancedEndpointTest.this::call)).containsExactly("a:1", "a:1");

      assertThat(makers).hasValue(2);
      assertThat(peers.made()).hasSize(2);
      assertThat(peers.open()).hasSize(1);
      assertThat(call()).isEqualTo("a:1");
      assertThat(makers).hasValue(2);
    }

    @Test
    void isMadeAgainAfterAFailure() throws Exception {
      IllegalStateException broken = new IllegalStateException("no certificate");
      List<RuntimeException> failures = new ArrayList<>(List.of(broken));
      balanced =
          balancedOverThoseOf(
              instance -> {
                if (!failures.isEmpty()) {
                  throw failures.remove(0);
                }
                return peers.apply(instance);
              });
      instances.set("a:1");

      assertNoInstance(BalancedEndpointTest.this::call, "no endpoint for a:1: " + broken)
          .withCause(broken);
      assertThat(call()).isEqualTo("a:1");
      assertThat(call()).isEqualTo("a:1");
    }

    /** Go kit's TestBadFactory; that one never gets an endpoint. */
    @Test
    void thatCannotBeMadeExcludesOnlyItsInstance() throws Exception {
      Map<String, Integer> tries = new ConcurrentHashMap<>();
      Set<String> broken = ConcurrentHashMap.newKeySet();
      broken.addAll(List.of("bad", "none"));
      balanced =
          balancedOverThoseOf(
              instance -> {
                tries.merge(instance.host(), 1, Integer::sum);
                if (instance.host().equals("bad") && broken.contains("bad")) {
                  throw new IllegalStateException("no certificate");
                }
                return broken.contains(instance.host()) ? null : peers.apply(instance);
              });
      instances.set("bad:1", "a:1", "none:1", "b:1");

      for (int i = 0; i < 10; i++) {
        assertThat(List.of(call(), call())).containsExactlyInAnyOrder("a:1", "b:1");
      }
      assertThat(tries).containsEntry("bad", 1).containsEntry("none", 1);

      instances.set("bad:1", "a:1", "none:1"); // Each is tried once more.
      for (int i = 0; i < 10; i++) {
        assertThat(call()).isEqualTo("a:1");
      }
      assertThat(tries).containsEntry("bad", 2).containsEntry("none", 2);
      String problem = "WARN skipped %s, its endpoint cannot be created: java.lang.%s";
      assertThat(log.linesFrom(Level.INFO))
          .containsExactly(
              problem.formatted("bad:1", "IllegalStateException: no certificate"),
              problem.formatted("none:1", "NullPointerException: factory returned null"));

      broken.clear();
      instances.set("bad:1", "none:1");
      assertThat(List.of(call(), call())).containsExactlyInAnyOrder("bad:1", "none:1");
    }

    @Test
    void thatCannotBeMadeForAnyInstanceIsNoInstance() {
      balanced =
          balancedOverThoseOf(
              instance -> {
                throw new IllegalStateException("no certificate for " + instance);
              });
      instances.set("a:1", "b:1");

      assertThatExceptionOfType(PeerException.class)
          .isThrownBy(BalancedEndpointTest.this::call)
          .withCauseInstanceOf(IllegalStateException.class)
          .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.NO_INSTANCE))
          .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
    }

    /** The error of an instance that was not reached has more information. */
    @Test
    void thatCannotBeMadeDoesNotHideARefusedConnection() {
      balanced =
          balancedOverThoseOf(
              instance -> {
                if (instance.host().equals("bad")) {
                  throw new IllegalStateException("no certificate");
                }
                return peers.apply(instance);
              });
      PeerException refused = PeerException.notConnected("a:1", "connection refused", null);
      peers.fail("a:1", refused);
      for (int turn = 0; turn < 4; turn++) {
        instances.set(
            turn % 2 == 0 ? new String[] {"a:1", "bad:1"} : new String[] {"bad:1", "a:1"});
        assertThatThrownBy(BalancedEndpointTest.this::call).isSameAs(refused);
      }
    }

    @Test
    void mayHaveNothingToClose() throws Exception {
      balanced =
          balanced(instances, instance -> (context, request) -> request + " from " + instance);
      instances.set("a:1");

      assertThat(call()).isEqualTo("request from a:1");
      instances.set();
    }

    @Test
    void thatCannotBeClosedDoesNotAffectTheOtherEndpoints() throws Exception {
      balanced =
          balancedOverThoseOf(
              instance -> instance.host().equals("bad") ? new Unclosable() : peers.apply(instance));
      instances.set("bad:1", "a:1", "b:1");
      assertThat(List.of(call(), call(), call())).containsExactly("unclosable", "a:1", "b:1");

      instances.set("b:1");

      assertThat(peers.open()).containsExactly("b:1");
      assertThat(call()).isEqualTo("b:1");
    }

    @Test
    void thatIsInterruptedWhileClosingKeepsTheFlag() throws Exception {
      record Slow() implements Endpoint<String, String>, AutoCloseable {
        @Override
        public String call(Context context, String request) {
          return "slow";
        }

        @Override
        public void close() throws InterruptedException {
          throw new InterruptedException("draining");
        }
      }

      balanced = balanced(instances, instance -> new Slow());
      instances.set("a:1");
      call();

      instances.set();

      assertThat(Thread.interrupted()).isTrue(); // And clears it, for the next test.
    }

    private record Unclosable() implements Endpoint<String, String>, AutoCloseable {
      @Override
      public String call(Context context, String request) {
        return "unclosable";
      }

      @Override
      public void close() throws IOException {
        throw new IOException("still\nbusy");
      }
    }
  }

  @Nested
  class MovingOn {
    static Stream<PeerException> notSent() {
      return Stream.of(
          PeerException.notConnected("a:1", "connection refused", null),
          PeerException.refused("a:1", "breaker open", Duration.ofSeconds(1), null),
          PeerException.noInstance("upstream", null));
    }

    static Stream<PeerException> sent() {
      return Stream.of(
          PeerException.broken("a:1", "reset", null),
          PeerException.timeout("a:1", null),
          PeerException.status("a:1", 503, "busy", null),
          PeerException.status("a:1", 404, "no such user", null));
    }

    static Stream<Exception> faults() {
      return Stream.of(
          new IOException("reading"), new IllegalStateException("bug"), new InterruptedException());
    }

    @ParameterizedTest
    @MethodSource("notSent")
    void nextInstanceIsCalledWhenNothingWasSent(PeerException failure) throws Exception {
      instances.set("a:1", "b:1", "c:1");
      peers.fail("a:1", failure);

      assertThat(call()).isEqualTo("b:1");
      assertThat(call()).as("each call starts afresh").isEqualTo("b:1");
      assertThat(attempt()).isEqualTo("b:1");

      assertThat(peers.takeAsked()).containsExactly("a:1", "b:1", "a:1", "b:1", "a:1", "b:1");
      assertThat(attempts.hasRefused("a:1")).isTrue();
      assertThat(attempts.hasTried("b:1")).isFalse();
    }

    @Test
    void lastFailureIsThrownWhenAllRefuse() {
      instances.set("a:1", "b:1", "c:1");
      PeerException first = PeerException.refused("a:1", "breaker open", null, null);
      PeerException second = PeerException.refused("b:1", "breaker open", null, null);
      PeerException last = PeerException.notConnected("c:1", "connection refused", null);
      peers.fail("a:1", first);
      peers.fail("b:1", second);
      peers.fail("c:1", last);

      assertThatThrownBy(BalancedEndpointTest.this::call).isSameAs(last);
      assertThat(last.getSuppressed()).containsExactly(first, second);
      assertThat(second.getSuppressed()).isEmpty();
      assertThat(peers.takeAsked()).containsExactly("a:1", "b:1", "c:1");
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 7})
    void turnsOfARefusingInstanceAreSpreadEvenly(int size) throws Exception {
      balanced = balanced(new RoundRobinPicker(0)::pick);
      List<String> names = IntStream.range(0, size).mapToObj(i -> "h" + i + ":1").toList();
      instances.set(names.toArray(String[]::new));
      peers.fail("h0:1", PeerException.refused("h0:1", "breaker open", null, null));
      List<String> answers = new ArrayList<>();
      for (int i = 0; i < 10 * (size - 1); i++) {
        answers.add(call());
      }

      for (String name : names.subList(1, size)) {
        assertThat(frequency(answers, name)).as(name).isEqualTo(10);
      }
    }

    @Test
    void allMayRefuseWithTheSameObject() {
      instances.set("a:1", "b:1", "c:1");
      PeerException refusal = PeerException.refused(null, "rate limit", null, null);
      peers.fail("a:1", refusal);
      peers.fail("b:1", refusal);
      peers.fail("c:1", refusal);

      assertThatThrownBy(BalancedEndpointTest.this::call).isSameAs(refusal);
      assertThat(refusal.getSuppressed()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("sent")
    void endsOnceTheRequestWasSent(PeerException failure) {
      instances.set("a:1", "b:1");
      peers.fail("a:1", failure);

      assertThatThrownBy(BalancedEndpointTest.this::call).isSameAs(failure);
      assertThatThrownBy(BalancedEndpointTest.this::attempt).isSameAs(failure);
      assertThat(peers.takeAsked()).containsExactly("a:1", "a:1");
      assertThat(attempts.hasTried("a:1")).isTrue();
      assertThat(attempts.hasRefused("a:1")).isFalse();
      assertThat(attempts.hasTried("b:1")).isFalse();
    }

    @ParameterizedTest
    @MethodSource("faults")
    void doesNotApplyToProgrammingErrors(Exception fault) {
      instances.set("a:1", "b:1");
      peers.fail("a:1", fault);

      assertThatThrownBy(BalancedEndpointTest.this::call).isSameAs(fault);
      assertThatThrownBy(BalancedEndpointTest.this::attempt).isSameAs(fault);
      assertThat(peers.takeAsked()).containsExactly("a:1", "a:1");
      assertThat(attempts.isEmpty()).isTrue();
    }

    @Test
    void instanceRemovedWhilePickedIsSkipped() throws Exception {
      balanced =
          balanced(
              candidates -> {
                Node<String, String> picked = candidates.get(0);
                if (picked.instance().host().equals("a")) {
                  instances.set("b:1");
                }
                return picked;
              });
      instances.set("a:1", "b:1");

      assertThat(call()).isEqualTo("b:1");
      assertThat(peers.takeAsked()).containsExactly("b:1");
    }

    @Test
    void endsWhenTheLastInstanceIsRemovedWhilePicked() {
      balanced =
          balanced(
              candidates -> {
                instances.set();
                return candidates.get(0);
              });
      instances.set("a:1");

      assertThatThrownBy(BalancedEndpointTest.this::call).hasMessage("no instance of userservice");
      assertThat(peers.made()).isEmpty();
    }
  }

  @Nested
  class WithAttempts {
    /** Instances that were tried are called last, and those that refused are not called again. */
    @ParameterizedTest
    @CsvSource({
      "TIMEOUT, STATUS, BROKEN, 4, a:1 b:1 c:1 a:1",
      // The second attempt finds c, then has only b left; so does the third.
      "NOT_CONNECTED, TIMEOUT, REFUSED, 3, a:1 b:1 c:1 b:1 b:1"
    })
    void askWhatIsLeft(Kind a, Kind b, Kind c, int count, String asked) {
      instances.set("a:1", "b:1", "c:1");
      peers.fail("a:1", failure(a));
      peers.fail("b:1", failure(b));
      peers.fail("c:1", failure(c));
      for (int i = 0; i < count; i++) {
        assertThatThrownBy(BalancedEndpointTest.this::attempt).isInstanceOf(PeerException.class);
      }

      assertThat(peers.takeAsked()).containsExactly(asked.split(" "));
    }

    private static PeerException failure(Kind kind) {
      return Stream.concat(MovingOn.notSent(), MovingOn.sent())
          .filter(failure -> failure.kind() == kind)
          .findFirst()
          .orElseThrow();
    }

    @Test
    void noInstanceIsLeftWhenAllHaveRefused() {
      instances.set("a:1", "b:1");
      PeerException last = PeerException.notConnected("b:1", "connection refused", null);
      peers.fail("a:1", PeerException.refused("a:1", "breaker open", null, null));
      peers.fail("b:1", last);

      assertThatThrownBy(BalancedEndpointTest.this::attempt).isSameAs(last);
      peers.takeAsked();
      assertNoInstance(BalancedEndpointTest.this::attempt, "all instances of userservice refused");
      assertThat(peers.takeAsked()).isEmpty();
    }

    @Test
    void newInstancesAreCalledFirst() throws Exception {
      instances.set("a:1");
      peers.fail("a:1", PeerException.timeout("a:1", null));
      assertThatThrownBy(BalancedEndpointTest.this::attempt).isInstanceOf(PeerException.class);
      instances.set("a:1", "b:1");

      assertThat(attempt()).isEqualTo("b:1");
    }
  }

  @Nested
  class NobodyThere {
    private Context aMinute() {
      return NO_DEADLINE.withTimeout(Duration.ofMinutes(1));
    }

    private Running waitingCall(Context context) throws Exception {
      Running running = Running.start(() -> balanced.call(context, "request"));
      Eventually.within(
          Duration.ofSeconds(5),
          () -> assertThat(running.thread().getState()).isEqualTo(Thread.State.TIMED_WAITING));
      return running;
    }

    @Test
    void firstCallWaitsForAnInstance() throws Exception {
      Running withDeadline = waitingCall(aMinute());
      Running without = waitingCall(NO_DEADLINE);

      instances.set(); // Still empty.
      assertThat(withDeadline.result()).isNotDone();
      assertThat(without.result()).isNotDone();
      instances.set("a:1");

      assertThat(withDeadline.answer()).isEqualTo("a:1");
      assertThat(without.answer()).isEqualTo("a:1");
    }

    @Test
    void firstCallTimesOutAtItsDeadline() {
      IOException down = new IOException("registry down");
      instances.fail(down);

      Context shortly = NO_DEADLINE.withTimeout(Duration.ofMillis(20));
      assertNoInstance(
              () -> balanced.call(shortly, "request"), "no instance of userservice: registry down")
          .withCause(down);
    }

    @Test
    void firstCallWithoutDeadlineHasADefaultTimeout() throws Exception {
      balanced = impatient();

      assertThatThrownBy(BalancedEndpointTest.this::call).hasMessage("no instance of userservice");
    }

    @Test
    void deadlineMayExceedTheDefaultTimeout() throws Exception {
      balanced = impatient();
      Running running = waitingCall(aMinute());

      instances.set("a:1");

      assertThat(running.answer()).isEqualTo("a:1");
    }

    /** Waits not 10 seconds but no time at all for the first list if a call has no deadline. */
    private BalancedEndpoint<String, String> impatient() {
      return new BalancedEndpoint<>(
          "userservice", instances, peers::apply, list -> list.get(0), Duration.ZERO, log);
    }

    @Test
    void laterCallsWaitTooUntilTheFirstInstance() throws Exception {
      Context shortly = NO_DEADLINE.withTimeout(Duration.ofMillis(20));
      assertThatThrownBy(() -> balanced.call(shortly, "request")).hasMessageStartingWith("no inst");
      Running second = waitingCall(aMinute());

      instances.set("a:1");

      assertThat(second.answer()).isEqualTo("a:1");
    }

    @Test
    void expiredDeadlineDoesNotWait() {
      Context over = NO_DEADLINE.withDeadline(System.nanoTime() - 1);

      assertThatThrownBy(() -> balanced.call(over, "request"))
          .hasMessage("no instance of userservice");
    }

    @ParameterizedTest
    @MethodSource("registryFailures")
    void emptyListLaterFailsAtOnceWithTheReasonOnOneLine(Exception why, String expected)
        throws Exception {
      instances.set("a:1");
      call();
      instances.set();
      instances.fail(why);

      assertNoInstance(BalancedEndpointTest.this::call, "no instance of userservice" + expected)
          .returns(why, Throwable::getCause);
    }

    static Stream<Arguments> registryFailures() {
      return Stream.of(
          Arguments.of(null, ""), // The registry responds.
          Arguments.of(new IOException("registry down"), ": registry down"),
          Arguments.of(new ConnectException(), ": connection refused"), // As HttpClient throws it.
          Arguments.of(new IOException("500\n<html>"), ": 500\\n<html>"));
    }

    @Test
    void instanceThatAppearsTooLateIsNotMarkedAsRefusing() {
      ChangingInstances late =
          new ChangingInstances() {
            @Override
            public Optional<Exception> failure() {
              set("a:1"); // Between reading the list and building the message.
              return Optional.empty();
            }
          };
      late.set("a:1");
      balanced = balanced(late, peers);
      late.set();

      assertThatThrownBy(BalancedEndpointTest.this::call).hasMessage("no instance of userservice");
    }

    @Test
    void callsGoOnWhileTheRegistryIsDown() throws Exception {
      instances.set("a:1");
      instances.fail(new IOException("registry down"));

      assertThat(call()).isEqualTo("a:1");
    }

    @Test
    void interruptionEndsTheWait() throws Exception {
      Running running = waitingCall(aMinute());

      running.thread().interrupt();

      assertThatThrownBy(running::answer).isInstanceOf(InterruptedException.class);
    }

    @Test
    void closeEndsTheWait() throws Exception {
      Running running = waitingCall(aMinute());

      balanced.close();

      assertThatThrownBy(running::answer).hasMessage("closed: no instance of userservice");
    }
  }

  @Nested
  class Close {
    @Test
    void callsInFlightCompleteAndNewCallsAreRejected() throws Exception {
      Gate slow = new Gate(1);
      peers.answer("a:1", slow);
      instances.set("a:1", "b:1");
      Running inFlight = Running.start(BalancedEndpointTest.this::call);
      slow.awaitCalls();

      balanced.close();

      assertNoInstance(BalancedEndpointTest.this::call, "closed: no instance of userservice");
      assertThat(peers.open()).containsExactly("a:1");
      slow.open();
      assertThat(inFlight.answer()).isEqualTo("late");
      assertThat(peers.open()).isEmpty();
    }

    @Test
    void endsTheSubscriptionAndNothingElse() throws Exception {
      assertThat(instances.listeners()).isEqualTo(1);
      balanced.close();
      balanced.close();

      assertThat(instances.listeners()).isZero();
      assertThat(instances.isClosed()).isFalse();
      instances.set("a:1");
      assertThatThrownBy(BalancedEndpointTest.this::call).hasMessageStartingWith("closed: ");
    }

    @Test
    void isFinalEvenIfAChangeArrivesLater() throws Exception {
      List<Runnable> listeners = new ArrayList<>();
      ChangingInstances late =
          new ChangingInstances() {
            @Override
            public Subscription onChange(Runnable listener) {
              listeners.add(listener);
              return () -> {};
            }
          };
      late.set("a:1");
      BalancedEndpoint<String, String> closing = balanced(late, peers);
      closing.call(NO_DEADLINE, "request");

      closing.close();
      listeners.forEach(Runnable::run); // It was on its way when the subscription ended.

      assertThat(peers.open()).isEmpty();
      assertThatThrownBy(() -> closing.call(NO_DEADLINE, "request"))
          .hasMessage("closed: no instance of userservice");
    }
  }

  @Nested
  class Nodes {
    private volatile List<Node<String, String>> seen = List.of();

    private void seeNodes() {
      balanced =
          balanced(
              candidates -> {
                seen = candidates;
                return candidates.get(0);
              });
    }

    private List<Integer> inFlight() {
      return seen.stream().map(Node::inFlight).toList();
    }

    @Test
    void areInTheOrderOfTheRegistry() throws Exception {
      seeNodes();
      instances.set("c:1", "a:1", "b:1");
      call();

      assertThat(seen).map(Object::toString).containsExactly("c:1", "a:1", "b:1");
      assertThat(seen).map(node -> node.instance().host()).containsExactly("c", "a", "b");
    }

    @Test
    void countTheirCallsInFlight() throws Exception {
      seeNodes();
      Gate slow = new Gate(2);
      peers.answer("a:1", slow);
      instances.set("a:1", "b:1");
      Running first = Running.start(BalancedEndpointTest.this::call);
      Eventually.within(Duration.ofSeconds(5), () -> assertThat(inFlight()).containsExactly(1, 0));
      Running second = Running.start(BalancedEndpointTest.this::call);
      slow.awaitCalls();

      assertThat(inFlight()).containsExactly(2, 0);
      instances.set("b:1");
      assertThat(inFlight()).as("removed, but still in flight").containsExactly(2, 0);
      slow.open();
      first.answer();
      second.answer();
      assertThat(inFlight()).containsExactly(0, 0);
    }

    static Stream<Throwable> failures() {
      return Stream.of(
          PeerException.timeout("a:1", null),
          PeerException.notConnected("a:1", "connection refused", null),
          new IOException("reading"),
          new InterruptedException(),
          new StackOverflowError("deep"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void countCorrectlyForEveryOutcomeOfACall(Throwable failure) {
      seeNodes();
      List<Integer> during = new ArrayList<>();
      peers.answer(
          "a:1",
          (context, request) -> {
            during.addAll(inFlight());
            if (failure instanceof Error error) {
              throw error;
            }
            throw (Exception) failure;
          });
      instances.set("a:1");

      assertThatThrownBy(BalancedEndpointTest.this::call).isSameAs(failure);
      assertThat(during).containsExactly(1);
      assertThat(inFlight()).containsExactly(0);
    }

    @Test
    void countCorrectlyWhenAnEndpointCannotBeMade() {
      AssertionError broken = new AssertionError("no such class");
      balanced =
          new BalancedEndpoint<>(
              "userservice",
              instances,
              instance -> {
                throw broken;
              },
              candidates -> {
                seen = candidates;
                return candidates.get(0);
              });
      instances.set("a:1");

      assertThatThrownBy(BalancedEndpointTest.this::call).isSameAs(broken);
      assertThat(inFlight()).containsExactly(0);
    }
  }

  @Test
  void nothingLeaksWhenListAndCallsRace() throws Exception {
    long seed = 20_261_121;
    balanced = balanced(new RoundRobinPicker()::pick);
    instances.set("a:1");

    Race.runNumbered(
        6,
        thread -> {
          if (thread < 2) {
            Random random = new Random(seed + thread);
            for (int i = 0; i < 1_000; i++) {
              instances.set(someOf(List.of("a:1", "b:1", "c:1", "d:1", "e:1"), random));
            }
          } else {
            for (int i = 0; i < 5_000; i++) {
              callAnyInstance();
            }
          }
          return null;
        });

    List<String> live = instances.snapshot().stream().map(Instance::authority).toList();
    assertThat(peers.open()).as("seed " + seed).doesNotHaveDuplicates().isSubsetOf(live);
    assertThat(peers.made())
        .as("seed " + seed)
        .allSatisfy(peer -> assertThat(peer.closes.get()).as(peer.toString()).isLessThan(2))
        .allSatisfy(peer -> assertThat(peer.faults).as(peer.toString()).hasValue(0));

    instances.set("a:1", "b:1", "c:1", "d:1", "e:1");
    peers.takeAsked();
    for (int i = 0; i < 5; i++) {
      call();
    }
    assertThat(peers.takeAsked()).containsExactlyInAnyOrder("a:1", "b:1", "c:1", "d:1", "e:1");
    assertThat(peers.open()).containsExactlyInAnyOrder("a:1", "b:1", "c:1", "d:1", "e:1");
  }

  @Test
  void olderListNeverReplacesANewerOne() throws Exception {
    AtomicInteger reads = new AtomicInteger();
    ChangingInstances overtaken =
        new ChangingInstances() {
          @Override
          public List<Instance> snapshot() {
            List<Instance> read = super.snapshot();
            if (reads.getAndIncrement() == 0) {
              set("new:1"); // Arrives while the old list is on its way.
            }
            return read;
          }
        };
    overtaken.set("old:1");
    balanced = balanced(overtaken, peers);

    assertThat(call()).isEqualTo("new:1");
    assertThat(reads).hasValue(3); // The old list, the new one, and the new one again.
  }

  private static String[] someOf(List<String> names, Random random) {
    return names.stream().filter(name -> random.nextInt(3) > 0).toArray(String[]::new);
  }

  private void callAnyInstance() throws Exception {
    try {
      Thread.yield();
      call();
    } catch (PeerException e) {
      assertThat(e.kind()).isEqualTo(Kind.NO_INSTANCE);
    }
  }

  @Test
  void contextAndRequestArriveUnchanged() throws Exception {
    List<Object> arrived = new ArrayList<>();
    peers.answer(
        "a:1",
        (context, request) -> {
          arrived.add(context);
          arrived.add(request);
          return null;
        });
    instances.set("a:1");

    Context context = NO_DEADLINE.withTimeout(Duration.ofMinutes(1));
    assertThat(balanced.call(context, "request")).isNull();
    assertThat(arrived).containsExactly(context, "request");
  }

  @Test
  void usesTheSnapshotThatExistsAtConstruction() throws Exception {
    instances.set("a:1");
    balanced = balanced(candidates -> candidates.get(0));

    assertThat(call()).isEqualTo("a:1");
  }

  @Test
  void rejectsNull() {
    Picker<Node<String, String>> first = candidates -> candidates.get(0);

    assertMissing("service", () -> new BalancedEndpoint<>(null, instances, peers, first));
    assertMissing("instances", () -> new BalancedEndpoint<>("x", null, peers, first));
    assertMissing("factory", () -> new BalancedEndpoint<>("x", instances, null, first));
    assertMissing("picker", () -> new BalancedEndpoint<>("x", instances, peers, null));
  }

  private static void assertMissing(String name, ThrowingCallable call) {
    assertThatNullPointerException().isThrownBy(call).withMessage(name);
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(5, SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
