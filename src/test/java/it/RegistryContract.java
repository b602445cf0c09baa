// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.registry.Inspection;
import kit.registry.Registry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;

/**
 * Contract of every registry, opened by its URI as programs do. This class is for all; {@link
 * Changing} is for registries in which instances register.
 *
 * <p>The registry may be in use by other tests at the same time: each test has a service of its own.
 */
@Timeout(120)
abstract class RegistryContract {
  static final Instance ONE = Instance.of("127.0.0.1", 8081);
  static final Instance OTHER = Instance.of("127.0.0.2", 8082);

  final String service = "web-" + UUID.randomUUID();

  /** Returns a registry that has these instances, and only these, of the service. */
  abstract Registry with(Instance... instances) throws Exception;

  /** The longest time until a change is known, on a busy machine. */
  Duration soon() {
    return Duration.ofSeconds(15);
  }

  List<String> addresses(Instances instances) {
    return instances.snapshot().stream().map(Instance::authority).toList();
  }

  void awaitExactly(Instances instances, Instance... expected) throws Exception {
    List<String> addresses = Stream.of(expected).map(Instance::authority).toList();
    Eventually.within(
        soon(), () -> assertThat(addresses(instances)).containsExactlyElementsOf(addresses));
  }

  void assertNoThreadIsLeft() {
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .noneMatch(name -> name.contains(service));
  }

  @Test
  void registeredInstancesAreFound() throws Exception {
    try (Instances instances = with(ONE, OTHER).instances(service)) {
      assertThat(instances.awaitFirst(soon())).isTrue();
      awaitExactly(instances, ONE, OTHER);
      assertThat(instances.failure()).isEmpty();
      assertThat(instances.snapshot()).isSameAs(instances.snapshot());
    }
  }

  @Test
  void closedWatchKeepsOnlyItsList() throws Exception {
    Registry registry = with(ONE);
    Instances instances = registry.instances(service);
    Instances shared = registry.instances(service);
    awaitExactly(instances, ONE);

    instances.close();
    instances.close();
    awaitExactly(shared, ONE);
    shared.close();

    assertThat(addresses(instances)).containsExactly(ONE.authority());
    assertThat(addresses(shared)).containsExactly(ONE.authority());
  }

  @Test
  void inspectionShowsServersEntriesAndNames() throws Exception {
    Inspection inspection = with(ONE, OTHER).inspection();

    assertThat(inspection.servers(Clock.systemUTC()))
        .allSatisfy(server -> assertThat(server.failure()).isEmpty())
        .allSatisfy(
            server ->
                assertThat(server.clockDifference().orElse(Duration.ZERO).abs())
                    .isLessThan(Duration.ofSeconds(5)));
    Eventually.within(
        soon(),
        () -> {
          List<Inspection.Entry> entries = inspection.entries(service).list();
          assertThat(entries)
              .extracting(entry -> entry.instance().authority())
              .containsExactlyInAnyOrder(ONE.authority(), OTHER.authority());
          assertThat(entries).allMatch(Inspection.Entry::isPassing);
          assertThat(inspection.names().orElse(Set.of(service))).contains(service);
        });
  }

  /** Contract of registries in which instances register. */
  abstract static class Changing extends RegistryContract {
    private static final Duration HEALED =
        Duration.ofSeconds(40); // 12 to look, 5 to back off, and time to spare.

    private final List<Registration> registrations = new ArrayList<>();

    /** Returns the registry that finds instances. */
    abstract Registry finder() throws Exception;

    /** Returns the registry with which instances register. */
    Registry registrar() throws Exception {
      return finder();
    }

    /** Returns whether the registry keeps the metadata of an instance, and with them its scheme. */
    boolean hasMetadata() {
      return true;
    }

    /** Registers once, like an instance that is then killed. */
    abstract void leave(String id, Instance instance) throws Exception;

    /** The ids of the service that are registered, as the registry itself says. */
    abstract List<String> ids() throws Exception;

    /** How long the registry takes to show a change in its own list. */
    Duration listingDelay() {
      return Duration.ZERO;
    }

    /** The id of an instance of the service. */
    String idOf(Instance instance) {
      return service + "-" + instance.host() + "-" + instance.port();
    }

    /** An instance that has the same id as {@link #OTHER}. */
    Instance predecessorOfOther() {
      return ONE;
    }

    private void assertIds(int count) throws Exception {
      Eventually.within(listingDelay(), () -> assertThat(ids()).hasSize(count));
    }

    /** Takes a registration out of the registry, as an operator would. */
    abstract void forget(String id) throws Exception;

    /** Kills the registry. */
    abstract void kill() throws Exception;

    /** Starts it at the same address, without its data. */
    abstract void restartEmpty() throws Exception;

    @AfterEach
    void closeRegistrations() {
      registrations.forEach(Registration::close);
      assertNoThreadIsLeft();
    }

    @Override
    Registry with(Instance... instances) throws Exception {
      for (Instance instance : instances) {
        awaitRegistered(register(instance));
      }
      return finder();
    }

    private Registration register(Instance instance) throws Exception {
      InstanceRegistration offer =
          new InstanceRegistration(
              service,
              instance,
              new HealthCheck.SelfReported(() -> {}),
              Duration.ofMinutes(1),
              Duration.ofMinutes(1),
              false); // Always healthy; the port is closed.
      Registration registration = registrar().registration(offer);
      registrations.add(registration);
      registration.start();
      registration.start();
      return registration;
    }

    private void awaitRegistered(Registration registration) throws Exception {
      Eventually.within(HEALED, () -> assertThat(registration.isRegistered()).isTrue());
    }

    private void awaitChange(Semaphore changes) throws InterruptedException {
      assertThat(changes.tryAcquire(soon().toSeconds(), TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void registeredInstanceIsFoundAndListenersAreCalled() throws Exception {
      try (Instances instances = finder().instances(service)) {
        assertThat(instances.awaitFirst(soon())).isTrue();
        assertThat(instances.snapshot()).isEmpty();
        Semaphore changes = new Semaphore(0);
        instances.onChange(changes::release);

        register(ONE);

        awaitChange(changes);
        assertThat(addresses(instances)).containsExactly(ONE.authority());
      }
    }

    @Test
    void schemeOfAnInstanceIsThatWhichWasRegistered() throws Exception {
      Map<String, String> withTls = Map.of(Instance.SCHEME, "https");
      Instance secure = new Instance("127.0.0.1", 8443, List.of(), withTls);
      try (Instances instances = with(ONE, secure).instances(service)) {
        awaitExactly(instances, ONE, secure);
        assertThat(instances.snapshot())
            .extracting(Instance::scheme)
            .containsExactly("http", hasMetadata() ? "https" : "http");
      }
    }

    @Test
    void deregistrationRemovesOnlyThatInstance() throws Exception {
      Registration leaving = register(ONE);
      try (Instances instances = with(OTHER).instances(service)) {
        awaitExactly(instances, ONE, OTHER);
        assertIds(2);

        leaving.close();
        assertIds(1);
        assertThat(leaving.isRegistered()).isFalse();
        leaving.close();
        leaving.start();

        awaitExactly(instances, OTHER);
        assertThat(leaving.isRegistered()).isFalse();
        assertIds(1);
      }
    }

    @Test
    void lastInstanceIsKeptForTheGraceButNotInRawLists() throws Exception {
      Registration last = register(ONE);
      try (Instances instances = finder().instances(service);
          Instances letter = finder().rawInstances(service, List.of())) {
        awaitExactly(instances, ONE);
        awaitExactly(letter, ONE);

        last.close();

        awaitExactly(letter);
        assertThat(addresses(instances)).containsExactly(ONE.authority());
      }
    }

    @Test
    void failingOrRemovedListenersDoNotAffectTheOthers() throws Exception {
      try (Instances instances = finder().instances(service)) {
        Semaphore removed = new Semaphore(0);
        Semaphore changes = new Semaphore(0);
        instances.onChange(removed::release).close();
        instances.onChange(
            () -> {
              throw new IllegalStateException("as it should be in this test");
            });
        instances.onChange(
            () -> {
              throw new AssertionError("as it should be in this test");
            });
        instances.onChange(changes::release);

        register(ONE);
        awaitChange(changes);
        register(OTHER);
        awaitChange(changes);

        awaitExactly(instances, ONE, OTHER);
        assertThat(removed.availablePermits()).isZero();
      }
    }

    @Test
    void restartedInstanceReplacesItsPredecessor() throws Exception {
      Instance predecessor = predecessorOfOther();
      leave(idOf(OTHER), predecessor);
      try (Instances instances = finder().instances(service)) {
        awaitExactly(instances, predecessor);

        register(OTHER);

        awaitExactly(instances, OTHER);
        assertThat(ids()).containsExactly(idOf(OTHER));
      }
    }

    @Test
    void deletedInstanceIsRegisteredAgain() throws Exception {
      try (Instances instances = with(ONE).instances(service)) {
        awaitExactly(instances, ONE);
        List<String> before = ids();

        forget(before.get(0));
        assertIds(0);

        Eventually.within(HEALED, () -> assertThat(ids()).isEqualTo(before));
        awaitExactly(instances, ONE);
      }
    }

    @Test
    void instanceIsRegisteredOnceTheRegistryIsUp() throws Exception {
      kill();
      Registration early = register(ONE);
      try (Instances instances = finder().instances(service)) {
        Eventually.within(soon(), () -> assertThat(instances.failure()).isPresent());
        assertThat(instances.awaitFirst(Duration.ZERO)).isFalse();
        assertThat(early.isRegistered()).isFalse();

        restartEmpty();

        Eventually.within(HEALED, () -> awaitExactly(instances, ONE));
        awaitRegistered(early);
        assertThat(instances.failure()).isEmpty();
      }
    }

    @Test
    void registrationClosedBeforeTheRegistryIsUpLeavesNothing() throws Exception {
      kill();
      Registration early = register(ONE);
      long startNanos = System.nanoTime();
      early.close();
      assertThat(System.nanoTime() - startNanos).isLessThan(TimeUnit.SECONDS.toNanos(5));

      restartEmpty();

      assertThat(ids()).isEmpty();
    }

    @Test
    void instancesRegisterAgainAfterDataLossAndTheListIsNeverEmpty() throws Exception {
      with(ONE, OTHER);
      try (Instances instances = finder().instances(service)) {
        awaitExactly(instances, ONE, OTHER);
        List<Integer> sizes = new CopyOnWriteArrayList<>();
        instances.onChange(() -> sizes.add(instances.snapshot().size()));

        kill();
        Eventually.within(soon(), () -> assertThat(instances.failure()).isPresent());
        assertThat(instances.snapshot()).hasSize(2);
        restartEmpty();

        Eventually.within(HEALED, () -> assertThat(ids()).hasSize(2));
        awaitExactly(instances, ONE, OTHER);
        Eventually.within(soon(), () -> assertThat(instances.failure()).isEmpty());
        assertThat(sizes).doesNotContain(0);
      }
    }
  }
}
