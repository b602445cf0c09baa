// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import javax.net.ssl.SSLContext;
import kit.consul.ConsulClient;
import kit.consul.agent.DevAgent;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import testing.ConsulAgent;
import testing.Eventually;
import testing.JarProcesses;
import testing.TlsFiles;

/** Health checks of a service that requires certificates of its clients, by HTTPS and gRPC. */
@Timeout(90)
class TlsChecksIT {
  private static final Duration SOON = Duration.ofSeconds(30);

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private void startService(String registry, String... more) throws Exception {
    String[] tls = {
      "--tls-cert",
      TlsFiles.file("server.crt"),
      "--tls-key",
      TlsFiles.file("server.key"),
      "--tls-client-ca",
      TlsFiles.file("ca.crt"),
      "--grpc-port",
      "0",
      "--check-interval",
      "1s"
    };
    String[] all = new String[tls.length + more.length];
    System.arraycopy(tls, 0, all, 0, tls.length);
    System.arraycopy(more, 0, all, tls.length, more.length);
    jars.service(registry, 0, all).port();
  }

  /** Returns the outputs of the checks, of the agent itself: its catalogue gets them later. */
  private static List<String> outputs(ConsulClient consul, String service) throws Exception {
    List<String> outputs = new ArrayList<>();
    for (ConsulClient.Service known : consul.services().values()) {
      if (known.name().equals(service)) {
        consul.instance(known.id()).orElseThrow().checks().stream()
            .filter(check -> check.status() == ConsulClient.Status.PASSING)
            .forEach(check -> outputs.add(check.output()));
      }
    }
    return outputs;
  }

  private static void awaitChecked(ConsulClient consul) throws Exception {
    Eventually.within(
        SOON,
        () -> {
          assertThat(outputs(consul, "userservice"))
              .anyMatch(it -> it.contains("HTTP GET https://") && it.contains(": 200 "));
          assertThat(outputs(consul, "userservice-grpc"))
              .anyMatch(it -> it.startsWith("gRPC check") && it.endsWith(": success"));
        });
  }

  @Test
  void consulChecksWithTheCertificateOfTheAgent() throws Exception {
    String token = UUID.randomUUID().toString();
    try (ConsulAgent consul =
        ConsulAgent.start(new ConsulAgent.Security(token, TlsFiles.path("")))) {
      startService(consul.registry(), "--consul-token", token);
      awaitChecked(new ConsulClient(consul.uri()).withToken(token));
    }
  }

  @Test
  void devAgentChecksWithItsCertificate() throws Exception {
    SSLContext checks = TlsFiles.client("ca.crt", Optional.of("client"));
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0, Optional.empty(), checks)) {
      startService("consul://" + agent.uri().getAuthority());
      awaitChecked(new ConsulClient(agent.uri()));
    }
  }
}
