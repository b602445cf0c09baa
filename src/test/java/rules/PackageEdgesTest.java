// SPDX-License-Identifier: Apache-2.0
package rules;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Packages depend on each other in one direction. Reads the class files, because a class named in
 * full needs no import.
 */
class PackageEdgesTest {
  /** Package -> the packages of this project that it may use. */
  private static final Map<String, Set<String>> ALLOWED =
      Map.ofEntries(
          entry("kit", Set.of()),
          entry("kit.engine", Set.of()),
          entry("kit.tls", Set.of()),
          entry("kit.http2", Set.of("kit.engine")),
          entry("kit.grpc", Set.of("kit", "kit.http", "kit.http.client", "kit.http2")),
          entry("kit.thrift", Set.of("kit", "kit.engine")),
          entry("kit.http", Set.of("kit")),
          entry("kit.http.server", Set.of("kit", "kit.http")),
          entry("kit.http.client", Set.of("kit", "kit.http")),
          entry("kit.http.proxy", Set.of("kit", "kit.http", "kit.http.client")),
          entry("kit.http.jsonrpc", Set.of("kit", "kit.http", "kit.http.client")),
          // Middleware and its parts, with their HTTP side.
          entry("kit.auth", Set.of("kit", "kit.http", "kit.http.client")),
          entry("kit.breaker", Set.of("kit", "kit.http")),
          entry("kit.command", Set.of("kit", "kit.http", "kit.breaker")),
          entry("kit.log", Set.of("kit", "kit.http")),
          entry("kit.metrics", Set.of("kit", "kit.http", "kit.http.server")),
          entry("kit.ratelimit", Set.of("kit", "kit.http")),
          entry("kit.retry", Set.of("kit", "kit.http")),
          entry("kit.tracing", Set.of("kit", "kit.http", "kit.http.client")),
          // Discovery and the registries behind it.
          entry("kit.discovery", Set.of("kit")),
          entry("kit.balancer", Set.of("kit", "kit.discovery")),
          entry("kit.consul", Set.of("kit", "kit.discovery")),
          // Discovery for the address of the agent in a URL, the clients for health checks.
          entry(
              "kit.consul.agent",
              Set.of(
                  "kit",
                  "kit.discovery",
                  "kit.grpc",
                  "kit.http",
                  "kit.http.client",
                  "kit.http.server")),
          entry("kit.dns", Set.of("kit", "kit.discovery")),
          entry("kit.etcd", Set.of("kit", "kit.discovery")),
          entry("kit.nacos", Set.of("kit", "kit.discovery")),
          entry("kit.eureka", Set.of("kit", "kit.discovery")),
          entry("kit.zookeeper", Set.of("kit", "kit.discovery")),
          // The packages that combine the other ones.
          entry(
              "kit.cli",
              Set.of(
                  "kit",
                  "kit.auth",
                  "kit.discovery",
                  "kit.engine",
                  "kit.grpc",
                  "kit.http",
                  "kit.http.client",
                  "kit.http.server",
                  "kit.http2",
                  "kit.log",
                  "kit.metrics",
                  "kit.ratelimit",
                  "kit.thrift",
                  "kit.tls",
                  "kit.tracing")),
          entry(
              "kit.registry",
              Set.of(
                  "kit",
                  "kit.cli",
                  "kit.consul",
                  "kit.discovery",
                  "kit.dns",
                  "kit.etcd",
                  "kit.eureka",
                  "kit.http.client",
                  "kit.nacos",
                  "kit.tls",
                  "kit.zookeeper")),
          entry(
              "kit.client",
              Set.of(
                  "kit",
                  "kit.balancer",
                  "kit.breaker",
                  "kit.discovery",
                  "kit.http",
                  "kit.log",
                  "kit.metrics",
                  "kit.ratelimit",
                  "kit.retry",
                  "kit.tracing")),
          // The programs never use each other: the wire is their contract.
          entry("client", Set.of("kit.*", "client.*")),
          // Commands share the flags for calls, and nothing else.
          entry("client.options", Set.of("kit.*")),
          entry("client.user", Set.of("kit.*", "client.options")),
          entry("client.load", Set.of("kit.*", "client.options")),
          entry("client.doctor", Set.of("kit.*", "client.options")),
          entry("client.gateway", Set.of("kit.*", "client.options")),
          entry("client.registry", Set.of("kit.*", "client.options")),
          entry("client.auth", Set.of("kit.*", "client.options")),
          entry("userservice", Set.of("kit.*")));

  //    kit.http.Router          -> kit.Endpoint          classes
  private static final Pattern EDGE = Pattern.compile("\\s+(\\S+)\\s+->\\s+(\\S+)\\s+\\S.*");

  @TempDir private Path scratch;

  @Test
  void packagesUseOnlyWhatTheTableAllows() {
    Path classes = Sources.root().resolve("target/classes");

    assertThat(edges(classes)).as("edges found in " + classes).isNotEmpty();
    assertThat(violations(edges(classes))).isEmpty();
  }

  @Test
  void forbiddenEdgesAreFound() throws Exception {
    Path classes =
        compiled(
            "package kit; public class Core { public static void call() {} }",
            "package kit.http; public class Http { kit.Core allowed; userservice.Main upwards; }",
            "package userservice; public class Main { void run() { kit.Core.call(); } }",
            "package client; public class Main { kit.http.Http allowed; userservice.Main sideways;"
                + " }",
            "package kit.stray; public class Stray { }");

    assertThat(violations(edges(classes)))
        .containsExactly(
            "client must not use userservice: client.Main -> userservice.Main",
            "kit.http must not use userservice: kit.http.Http -> userservice.Main",
            "kit.stray is not in the table: kit.stray.Stray");
  }

  private record Edge(String from, String to) {}

  /** Class to class, as jdeps sees them in a folder of class files. */
  private static List<Edge> edges(Path classes) {
    StringWriter out = new StringWriter();
    int status =
        ToolProvider.findFirst("jdeps")
            .orElseThrow()
            .run(
                new PrintWriter(out),
                new PrintWriter(out),
                "-verbose:class",
                "-filter:none",
                classes.toString());
    assertThat(status).as(out.toString()).isZero();
    return out.toString()
        .lines()
        .map(EDGE::matcher)
        .filter(Matcher::matches)
        .map(line -> new Edge(line.group(1), line.group(2)))
        .toList();
  }

  private static List<String> violations(List<Edge> edges) {
    // Every class has an edge, if only to java.lang.Object.
    Set<String> ours = edges.stream().map(Edge::from).collect(Collectors.toSet());
    Set<String> violations = new TreeSet<>();
    for (Edge edge : edges) {
      String from = packageOf(edge.from());
      String to = packageOf(edge.to());
      if (!ALLOWED.containsKey(from)) {
        violations.add(from + " is not in the table: " + edge.from());
      } else if (ours.contains(edge.to()) && !isAllowed(from, to)) {
        violations.add(from + " must not use " + to + ": " + edge.from() + " -> " + edge.to());
      }
    }
    return List.copyOf(violations);
  }

  private static boolean isAllowed(String from, String to) {
    Set<String> allowed = ALLOWED.get(from);
    String top = to.replaceFirst("\\..*", "");
    return from.equals(to) || allowed.contains(to) || allowed.contains(top + ".*");
  }

  private static String packageOf(String type) {
    return type.substring(0, Math.max(0, type.lastIndexOf('.')));
  }

  private Path compiled(String... sources) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("-d", scratch.resolve("classes").toString()));
    for (String source : sources) {
      Matcher name = Pattern.compile("package (\\S+); public class (\\S+) ").matcher(source);
      assertThat(name.lookingAt()).as(source).isTrue();
      Path folder = Files.createDirectories(scratch.resolve(name.group(1).replace('.', '/')));
      Path file = Files.writeString(folder.resolve(name.group(2) + ".java"), source);
      arguments.add(file.toString());
    }
    String[] all = arguments.toArray(String[]::new);
    assertThat(ToolProvider.findFirst("javac").orElseThrow().run(System.out, System.err, all))
        .isZero();
    return scratch.resolve("classes");
  }
}
