// SPDX-License-Identifier: Apache-2.0
package client.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.consul.ConsulServices;
import kit.consul.agent.DevAgent;
import kit.discovery.Instances;
import kit.discovery.Services;
import kit.http.proxy.ReverseProxy;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.tracing.Tracing;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Engine;
import testing.Eventually;

/** The services of a gateway as they are registered and deregistered. */
@Timeout(30)
class GatewayServicesTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration GRACE = Duration.ofSeconds(1);

  private DevAgent agent;
  private ConsulClient consul;
  private Services listed;
  private GatewayServices services;

  @BeforeEach
  void follow() throws Exception {
    agent = DevAgent.start("127.0.0.1", 0);
    consul = new ConsulClient(agent.uri());
    listed = new ConsulServices(consul);
    services = services();
    services.follow(listed);
  }

  private GatewayServices services() {
    return new GatewayServices(
        this::instances,
        Engine.newProxyClients(),
        instance -> URI.create("http://" + instance.authority()),
        ReverseProxy.Settings.defaults(),
        new GatewayServices.Limits(SOON, SOON),
        new Tracing(0, span -> {}),
        new Instrumenting(new Metrics()));
  }

  private Instances instances(String name) {
    if (name.equals("wrong")) {
      throw new IllegalArgumentException("the registry cannot be asked for it");
    }
    return new ConsulInstances(consul, ConsulInstances.Settings.of(name).withEmptyGrace(GRACE));
  }

  @AfterEach
  void stop() {
    listed.close();
    services.close();
    agent.close();
  }

  private void register(String name, String... tags) throws Exception {
    consul.register(
        new ConsulClient.Service(name + "-1", name, "127.0.0.1", 80, List.of(tags), Map.of()),
        List.of());
  }

  private void awaitServices(String... names) throws Exception {
    Eventually.within(
        SOON, () -> assertThat(services.list().keySet()).containsExactlyInAnyOrder(names));
  }

  private void awaitInstance(String name) throws Exception {
    Eventually.within(SOON, () -> assertThat(services.list().get(name).instances()).hasSize(1));
  }

  private static Set<String> watches() {
    Set<String> names = new HashSet<>();
    Thread.getAllStackTraces().keySet().forEach(thread -> names.add(thread.getName()));
    names.removeIf(name -> !name.startsWith("watch-"));
    return names;
  }

  /** The list of services changes at once, the list of instances only after the grace. */
  @Test
  void removedServiceIsClosedAfterTheGrace() throws Exception {
    register("web", GatewayServices.TAG);
    register("api", GatewayServices.TAG);
    register("other");
    awaitServices("api", "web");
    awaitInstance("web");
    assertThat(watches()).contains("watch-web");

    consul.deregister("web-1");

    awaitServices("api");
    Eventually.within(SOON, () -> assertThat(watches()).doesNotContain("watch-web"));
    assertThat(services.find("web")).isEmpty();
  }

  @Test
  void manyServicesRemovedAtOnceAreAllClosed() throws Exception {
    String[] names = new String[20];
    for (int i = 0; i < names.length; i++) {
      names[i] = "many-" + i;
      register(names[i], GatewayServices.TAG);
    }
    awaitServices(names);
    for (String name : names) {
      awaitInstance(name);
    }
    for (String name : names) {
      consul.deregister(name + "-1");
    }

    awaitServices();
    Eventually.within(
        SOON, () -> assertThat(watches()).noneMatch(name -> name.startsWith("watch-many-")));

    register("many-7", GatewayServices.TAG);
    awaitServices("many-7");
  }

  @Test
  void serviceThatCannotBeOpenedDoesNotAffectTheOtherServices() throws Exception {
    register("wrong", GatewayServices.TAG);
    register("zone", GatewayServices.TAG);

    awaitServices("zone");
  }

  @Test
  void nothingIsOpenedAfterClose() throws Exception {
    services.close();
    register("late", GatewayServices.TAG);
    Eventually.within(SOON, () -> assertThat(listed.snapshot()).containsKey("late"));
    register("later");
    Eventually.within(SOON, () -> assertThat(listed.snapshot()).containsKey("later"));

    assertThat(services.list()).isEmpty();
    assertThat(watches()).doesNotContain("watch-late");
  }
}
