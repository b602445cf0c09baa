// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.net.ssl.SSLException;
import kit.cli.Flags;
import kit.consul.ConsulClient;
import kit.consul.ConsulClient.ConsulException;
import kit.consul.ConsulClient.HealthQuery;
import kit.consul.ConsulClient.Service;
import kit.consul.ConsulClient.Status;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.Services;
import kit.registry.Registry;
import kit.registry.RegistryFlags;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.ConsulAgent;
import testing.Eventually;

/** A real Consul that requires a token, and over TLS a certificate. */
@Timeout(60)
class SecuredConsulIT {
  private static final String MASTER = UUID.randomUUID().toString();
  private static final Service WEB =
      new Service("web-1", "web", "127.0.0.1", 80, List.of(), Map.of());

  private static final Path TLS = Path.of("src/test/resources/kit/tls");

  @TempDir private static Path files;
  private static ConsulAgent agent;

  // Before all of them: where there is no Consul, this skips them all.
  @BeforeAll
  static void startAgent() throws Exception {
    agent = ConsulAgent.start(new ConsulAgent.Security(MASTER, TLS));
  }

  @AfterAll
  static void stopAgent() throws Exception {
    if (agent != null) {
      agent.close();
    }
  }

  /** The token that a policy of these rules gives. */
  private static String tokenFor(String name, String rules) throws Exception {
    ObjectMapper json = new ObjectMapper();
    put("policy", json.writeValueAsString(Map.of("Name", name, "Rules", rules)));
    String token = put("token", "{\"Policies\": [{\"Name\": \"" + name + "\"}]}");
    return json.readTree(token).path("SecretID").asText();
  }

  private static String put(String what, String body) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(agent.uri().resolve("/v1/acl/" + what))
            .header("X-Consul-Token", MASTER)
            .PUT(HttpRequest.BodyPublishers.ofString(body))
            .build();
    HttpResponse<String> answer =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return answer.body();
  }

  /** As a program would find its registry, over TLS. */
  private static Registry registry(Map<String, String> environment, String... more)
      throws Exception {
    Flags flags = new Flags("test", "Test.", "KIT_", environment);
    RegistryFlags registry = new RegistryFlags(flags, environment);
    List<String> args = new ArrayList<>(List.of(more));
    args.add("--registry=consul+https://" + agent.httpsAuthority());
    args.add("--consul-ca-file=" + TLS.resolve("ca.crt"));
    flags.parse(args.toArray(String[]::new));
    assertThat(flags.effective()).doesNotContain(MASTER);
    return registry.get();
  }

  private static InstanceRegistration offer(int port) {
    return new InstanceRegistration(
        "web",
        Instance.of("127.0.0.1", port),
        new HealthCheck.SelfReported(() -> {}),
        Duration.ofSeconds(1),
        Duration.ofMinutes(1),
        false); // Well as long as it is there.
  }

  @Test
  void withoutATokenNothingIsRegisteredOrListed() throws Exception {
    ConsulClient anonymous = new ConsulClient(agent.uri());
    new ConsulClient(agent.uri()).withToken(MASTER).register(WEB, List.of());

    assertThatThrownBy(() -> anonymous.register(WEB, List.of()))
        .isInstanceOf(ConsulException.class)
        .hasMessageContaining("403 Permission denied");
    assertThatThrownBy(() -> anonymous.instance(WEB.id())).hasMessageContaining("403");
    assertThat(anonymous.health(HealthQuery.passing("web", List.of())).entries()).isEmpty();
  }

  @Test
  void aTokenForOneServiceIsEnoughToRegisterReportAndDeregister() throws Exception {
    String token = tokenFor("register", "service \"web\" { policy = \"write\" }");
    ConsulClient web = new ConsulClient(agent.uri()).withToken(token);

    web.register(WEB, List.of(Map.of("CheckID", "web-1:alive", "TTL", "1m")));
    web.updateTtl("web-1:alive", Status.PASSING, "");
    assertThat(web.instance("web-1").map(ConsulClient.Entry::service)).contains(WEB);
    web.deregister("web-1");
    assertThat(web.instance("web-1")).isEmpty();

    Service other = new Service("db-1", "db", "127.0.0.1", 80, List.of(), Map.of());
    assertThatThrownBy(() -> web.register(other, List.of()))
        .isInstanceOf(ConsulException.class)
        .hasMessageNotContaining(token);
  }

  @Test
  void readTokenFindsInstances() throws Exception {
    String token =
        tokenFor(
            "discover",
            "service_prefix \"\" { policy = \"read\" } node_prefix \"\" { policy = \"read\" }");
    new ConsulClient(agent.uri()).withToken(MASTER).register(WEB, List.of());

    ConsulClient reader = new ConsulClient(agent.uri()).withToken(token);
    HealthQuery query = HealthQuery.passing("web", List.of());
    Eventually.within(
        Duration.ofSeconds(5), () -> assertThat(reader.health(query).entries()).isNotEmpty());
    assertThatThrownBy(() -> reader.register(WEB, List.of())).hasMessageContaining("403");
  }

  @Test
  void programAuthenticatesOverTlsWithATokenFile() throws Exception {
    Path token = Files.writeString(files.resolve("token"), MASTER + "\n");
    Registry registry =
        registry(
            Map.of(),
            "--consul-token-file=" + token,
            "--consul-client-cert=" + TLS.resolve("client.crt"),
            "--consul-client-key=" + TLS.resolve("client.key"));

    try (Instances instances = registry.instances("web");
        Services services = registry.services();
        Registration registration = registry.registration(offer(8081))) {
      registration.start();
      Eventually.within(
          Duration.ofSeconds(10),
          () ->
              assertThat(instances.snapshot())
                  .extracting(Instance::authority)
                  .contains("127.0.0.1:8081"));
      Eventually.within(
          Duration.ofSeconds(5), () -> assertThat(services.snapshot()).containsKey("web"));
    }
    assertThat(new ConsulClient(agent.uri()).withToken(MASTER).services())
        .doesNotContainKey("web-8081");
  }

  @Test
  void programAuthenticatesWithTheVariablesOfConsulsOwnTools() throws Exception {
    Map<String, String> environment =
        Map.of(
            "CONSUL_HTTP_ADDR",
            "https://" + agent.httpsAuthority(),
            "CONSUL_CACERT",
            TLS.resolve("ca.crt").toString(),
            "CONSUL_CLIENT_CERT",
            TLS.resolve("client.crt").toString(),
            "CONSUL_CLIENT_KEY",
            TLS.resolve("client.key").toString(),
            "CONSUL_HTTP_TOKEN",
            MASTER);
    Flags flags = new Flags("test", "Test.", "KIT_", environment);
    RegistryFlags registry = new RegistryFlags(flags, environment);
    flags.parse();
    assertThat(flags.effective()).doesNotContain(MASTER);
    assertThat(registry.get()).hasToString("consul+https://" + agent.httpsAuthority());
    try (Instances instances = registry.get().instances("consul")) {
      assertThat(instances.awaitFirst(Duration.ofSeconds(10))).isTrue();
    }
  }

  @Test
  void clientWithoutACertificateIsRefused() throws Exception {
    try (Instances instances = registry(Map.of(), "--consul-token=" + MASTER).instances("consul")) {
      Eventually.within(Duration.ofSeconds(10), () -> assertThat(instances.failure()).isPresent());
    }
  }

  @Test
  void untrustedServerCertificateIsAFailure() throws Exception {
    ConsulClient trusting =
        new ConsulClient(URI.create("https://" + agent.httpsAuthority())).withToken(MASTER);
    assertThatThrownBy(trusting::services).isInstanceOf(SSLException.class);
  }
}
