// SPDX-License-Identifier: Apache-2.0
package client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import kit.auth.PasswordFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.MainProcess;

/** The output of commands as bytes, and broken pipes. */
@Timeout(60)
class OutputIT {
  private static final String CLASS_PATH = "java.class.path";
  private static final int BROKEN_PIPE = 141; // 128 + SIGPIPE

  private HttpServer server;
  private String target;
  private volatile int status = 200;

  @BeforeEach
  void start() throws Exception {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] body =
              (status == 200
                      ? "{\"result\":\"gr\u00fc\u00dfe \u20ac\"}"
                      : "{\"status\":" + status + ",\"detail\":\"gr\u00fc\u00dfe \u20ac\"}")
                  .getBytes(UTF_8);
          String type = status == 200 ? "application/json" : "application/problem+json";
          exchange.getResponseHeaders().set("Content-Type", type);
          exchange.sendResponseHeaders(status, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    target = "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private static MainProcess client(Map<String, String> environment, String... args)
      throws Exception {
    return new MainProcess("client.Main", environment, args);
  }

  @Test
  void loopEndsQuietlyWhenTheReaderOfItsOutputIsGone() throws Exception {
    try (MainProcess loop = client(Map.of(), "loop", "--target", target, "--interval=10ms")) {
      assertThat(loop.line()).isEqualTo("gr\u00fc\u00dfe \u20ac");
      assertThat(loop.line()).isEqualTo("gr\u00fc\u00dfe \u20ac");
      loop.closeOut();
      assertThat(loop.exitStatus()).isEqualTo(BROKEN_PIPE);
      assertThat(loop.err()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "get 101 --target TARGET",
        "get 101 --all --registry static:TARGET",
        "delete 7 --target TARGET",
        "load --duration 100ms --target TARGET",
        "load --json --duration 100ms --target TARGET",
        "instances --registry static:127.0.0.1:1",
        "instances --json --registry static:127.0.0.1:1",
        "watch --registry static:127.0.0.1:1",
      })
  void everyCommandEndsQuietlyOnABrokenPipe(String line) throws Exception {
    String[] args =
        line.replace("static:TARGET", "static:" + target.substring("http://".length()))
            .replace("TARGET", target)
            .split(" ");
    try (MainProcess command = client(Map.of(), args)) {
      command.closeOut(); // Long before the first line.
      assertThat(command.exitStatus()).isEqualTo(BROKEN_PIPE);
      assertThat(command.err()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "POSIX", "C.UTF-8"})
  void printsUtf8WhateverTheLocale(String locale) throws Exception {
    try (MainProcess get = client(Map.of("LC_ALL", locale), "get", "101", "--target", target)) {
      assertThat(get.line()).isEqualTo("gr\u00fc\u00dfe \u20ac");
      assertThat(get.exitStatus()).isZero();
    }
    status = 403;
    try (MainProcess get = client(Map.of("LC_ALL", locale), "get", "101", "--target", target)) {
      assertThat(get.exitStatus()).isEqualTo(1);
      assertThat(get.err()).contains("403 gr\u00fc\u00dfe \u20ac");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "POSIX"})
  void textThatTheLocaleCannotDecodeIsAUsageError(String locale) throws Exception {
    String advice = ": not in the encoding of the locale; use UTF-8 or a file\n";
    Map<String, String> environment = Map.of("LC_ALL", locale);
    try (MainProcess hash = client(environment, "hash-password", "J\u00fcrgen")) {
      assertThat(hash.exitStatus()).isEqualTo(2);
      assertThat(hash.err()).isEqualTo("NAME" + advice);
    }
    environment = Map.of("LC_ALL", locale, "KIT_PASSWORD", "p\u00e4");
    try (MainProcess hash = client(environment, "hash-password", "jerry")) {
      assertThat(hash.exitStatus()).isEqualTo(2);
      assertThat(hash.err()).isEqualTo("KIT_PASSWORD" + advice);
    }
    String[] args = {"--name", "J\u00fcrgen", "--port=0", "--registry=none"};
    try (MainProcess service =
        new MainProcess("userservice.Main", Map.of("LC_ALL", locale), args)) {
      assertThat(service.exitStatus()).isEqualTo(2);
      assertThat(service.err()).isEqualTo("--name" + advice);
    }
  }

  @Test
  void loopEndsWhenOnlyItsFailuresAreRead() throws Exception {
    status = 403;
    String loop =
        String.join(
            " ",
            "exec 2>&1;",
            System.getProperty("java.home") + "/bin/java -cp " + System.getProperty(CLASS_PATH),
            "client.Main loop --interval 10ms --target " + target);
    Process shell = new ProcessBuilder("sh", "-c", loop).start();
    try (BufferedReader both = shell.inputReader(UTF_8)) {
      assertThat(both.readLine()).contains("403 gr\u00fc\u00dfe \u20ac");
      both.close();
      assertThat(shell.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(shell.exitValue()).isEqualTo(BROKEN_PIPE);
    } finally {
      shell.destroyForcibly();
    }
  }

  @Test
  void serviceLinkOfKubernetesIsAWarning() throws Exception {
    Map<String, String> link = Map.of("KIT_PORT", "tcp://10.96.0.12:8080");
    String[] args = {"gateway", "--registry=static:127.0.0.1:1", "--services=web"};
    try (MainProcess gateway = client(link, args)) { // Also if its default port is taken.
      Eventually.within(
          Duration.ofSeconds(30),
          () ->
              assertThat(gateway.err())
                  .contains("WARN Flags - KIT_PORT ignored: a Kubernetes service link"));
    }
  }

  @Test
  void passwordThatIsNotUtf8IsRejected(@TempDir Path folder) throws Exception {
    byte[] latin1 = {'p', (byte) 0xe4, '\n'};
    try (MainProcess hash = client(Map.of(), "hash-password", "jerry").in(latin1)) {
      assertThat(hash.exitStatus()).isEqualTo(2);
      assertThat(hash.err()).isEqualTo("stdin: not UTF-8\n");
    }
    Path file = Files.write(folder.resolve("password"), latin1);
    try (MainProcess hash =
        client(Map.of(), "hash-password", "jerry", "--password-file", file.toString())) {
      assertThat(hash.exitStatus()).isEqualTo(2);
      assertThat(hash.err()).isEqualTo("--password-file: not UTF-8: " + file + "\n");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "C.UTF-8"})
  void passwordIsTheSameFromAFileAndFromStdinWhateverTheLocale(String locale, @TempDir Path folder)
      throws Exception {
    Path file = Files.writeString(folder.resolve("password"), "pa\u0308\n");
    Map<String, String> environment = Map.of("LC_ALL", locale);
    String[] fromFile = {"hash-password", "jerry", "--password-file=" + file};
    try (MainProcess one = client(environment, fromFile);
        MainProcess other =
            client(environment, "hash-password", "tom").in("p\u00e4\n".getBytes(UTF_8))) {
      Path users = Files.writeString(folder.resolve("u"), one.line() + "\n" + other.line() + "\n");
      PasswordFile read = PasswordFile.read(users);
      assertThat(read.verify("jerry", "p\u00e4")).isTrue();
      assertThat(read.verify("tom", "pa\u0308")).isTrue();
      assertThat(read.verify("tom", "p\u00f6")).isFalse();
    }
  }

  @Test
  void textThatTheLocaleCanDecodeIsAccepted() throws Exception {
    Map<String, String> environment = Map.of("LC_ALL", "C.UTF-8", "KIT_PASSWORD", "p\u00e4");
    try (MainProcess hash = client(environment, "hash-password", "J\u00fcrgen")) {
      assertThat(hash.line()).startsWith("J\u00fcrgen:pbkdf2-sha256:");
      assertThat(hash.exitStatus()).isZero();
    }
  }
}
