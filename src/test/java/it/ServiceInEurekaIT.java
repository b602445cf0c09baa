// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.eureka.EurekaClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import testing.EurekaServer;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;

/** The two jars and a real Eureka whose lists are a second old. */
@Timeout(180)
class ServiceInEurekaIT {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceInEurekaIT.class);
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  @RegisterExtension
  static final SharedServer<EurekaServer> eureka =
      new SharedServer<>(EurekaServer::start, EurekaServer::deregisterAll);

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private static String registry() {
    return eureka.get().registry();
  }

  private static List<String> registered() throws Exception {
    EurekaClient client =
        new EurekaClient(List.of(eureka.get().uri()), HTTP, Duration.ofSeconds(3));
    return client.app("userservice").stream()
        .map(instance -> instance.host() + ":" + instance.port())
        .toList();
  }

  private List<JarProcess> services(int count, String... more) throws Exception {
    List<JarProcess> services =
        Stream.generate(() -> jars.service(registry(), 0, more)).limit(count).toList();
    Eventually.within(SOON, () -> assertThat(registered()).hasSize(count));
    return services;
  }

  /** Long timeouts: on a busy machine a call may be slow, but none may fail. */
  private JarProcess loop() {
    return jars.client(
        registry(), "loop", "--interval=10ms", "--timeout=30s", "--attempt-timeout=10s");
  }

  private static String millisSince(long startNanos) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos) + " ms";
  }

  @Test
  void eachCommandOfTheClientFindsThem() throws Exception {
    JarProcess watch = jars.client(registry(), "watch");
    JarProcess first = jars.service(registry(), 0, "--tags", "blue");
    int port = first.port();
    long listeningAtNanos = System.nanoTime();
    assertThat(watch.nextLine()).endsWith("Z + 127.0.0.1:" + port + " [blue]");
    LOG.info("from listening to the line of watch: {}", millisSince(listeningAtNanos));
    int other = jars.service(registry(), 0).port();

    String[] addresses = {"127.0.0.1:" + port, "127.0.0.1:" + other};
    Eventually.within(SOON, () -> assertThat(registered()).hasSize(2));
    assertThat(jars.outputOfClient(registry(), "instances")).containsExactlyInAnyOrder(addresses);
    assertThat(jars.outputOfClient(registry(), "get", "101", "--all"))
        .containsExactlyInAnyOrder("jerry" + port, "jerry" + other);
    assertThat(jars.outputOfClient(registry(), "get", "101", "--tags", "blue"))
        .containsExactly("jerry" + port);

    first.signal("TERM");
    assertThat(first.exitStatus()).isEqualTo(143);
    Eventually.within(
        SOON,
        () -> assertThat(watch.out()).anyMatch(line -> line.contains("Z - 127.0.0.1:" + port)));
    Eventually.within(SOON, () -> assertThat(registered()).containsExactly("127.0.0.1:" + other));
  }

  @Test
  void eurekaThatWasAwayAndIsBackEmptyCostsNoCall() throws Exception {
    services(2);
    JarProcess loop = loop();
    loop.nextLine();

    eureka.get().kill();
    long killedAtNanos = System.nanoTime();
    while (System.nanoTime() - killedAtNanos < TimeUnit.SECONDS.toNanos(8)) {
      loop.nextLine();
    }
    eureka.get().restartEmpty();
    long restartedAtNanos = System.nanoTime();
    Duration renewalAnd15Seconds = Duration.ofSeconds(25);
    Eventually.within(renewalAnd15Seconds, () -> assertThat(registered()).hasSize(2));
    LOG.info("registered again after {}", millisSince(restartedAtNanos));
    Eventually.within(
        SOON, () -> assertThat(loop.err()).anyMatch(line -> line.contains("recovered")));

    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).noneMatch(line -> line.startsWith("GET ")); // A failed call.
    LOG.info("{} calls, none failed", loop.out().size());
  }

  @Test
  void killedInstanceCostsNoCallAndIsRemoved() throws Exception {
    List<JarProcess> services = services(2, "--eureka-renewal=2s");
    JarProcess loop = loop();
    loop.nextLine();

    services.get(0).signal("KILL");
    long killedAtNanos = System.nanoTime();
    Eventually.within(Duration.ofSeconds(60), () -> assertThat(registered()).hasSize(1));
    LOG.info("a killed instance is removed after {}", millisSince(killedAtNanos));

    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).noneMatch(line -> line.startsWith("GET "));
  }

  @Test
  void drainDelayBelowAMinuteIsOneWarning() throws Exception {
    JarProcess service = jars.service(registry(), 0);
    service.port();
    assertThat(service.err())
        .filteredOn(line -> line.contains("WARN"))
        .singleElement()
        .asString()
        .contains("--drain-delay below 60s", registry());

    JarProcess patient = jars.service(registry(), 0, "--drain-delay=1m");
    patient.port();
    assertThat(patient.err()).noneMatch(line -> line.contains("WARN"));
    Eventually.within(
        SOON, () -> assertThat(registered()).hasSize(2)); // Else they outlive the test.
  }
}
