// SPDX-License-Identifier: Apache-2.0
package bench.http;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A server to be measured.
 *
 * @param jars a regular expression for the names of those that it needs; the engine robaho takes the
 *     place of the JDK's by being there
 * @param main its main class, and arguments of which {@code PORT} stands for a free port
 */
record Candidate(String name, String jars, List<String> main) {
  static final String OURS = "(jackson|slf4j).*";

  static final String BARE = "bare JDK handler";

  /** Returns the bare handler, and all other candidates whose name matches {@code pattern}. */
  static List<Candidate> matching(String pattern) {
    return all().stream()
        .filter(one -> one.name.equals(BARE) || one.name.matches(".*(" + pattern + ").*"))
        .toList();
  }

  private static List<Candidate> all() {
    List<Candidate> all = new ArrayList<>();
    List<String> bare = List.of(BareServer.class.getName(), "PORT");
    String kit = KitServer.class.getName();
    List<String> service =
        List.of(
            "userservice.Main", "--name", "userservice", "--port", "PORT", "--registry", "none");
    List<String> everything = new ArrayList<>(service);
    everything.addAll(
        List.of("--rate", "1000000000", "--access-log", "on", "--log-format", "logfmt"));
    all.add(new Candidate(BARE, "", bare));
    all.add(new Candidate("bare, kit.engine", "", List.of(bare.get(0), "PORT", "engine")));
    all.add(new Candidate("kit", OURS, List.of(kit, "PORT")));
    all.add(
        new Candidate("kit, metrics and trace", OURS, List.of(kit, "PORT", "metrics", "trace")));
    all.add(new Candidate("user-service", OURS, service));
    List<String> onEngine = new ArrayList<>(service);
    onEngine.addAll(List.of("--engine", "kit"));
    all.add(new Candidate("user-service, kit.engine", OURS, onEngine));
    all.add(new Candidate("user-service, limiter, access log", OURS, everything));
    all.add(
        new Candidate(
            "Javalin",
            "(javalin|jetty|websocket|kotlin|jackson|slf4j).*",
            List.of(JavalinServer.class.getName(), "PORT")));
    if (hasHelidon()) {
      all.add(
          new Candidate("Helidon SE", "helidon.*", List.of("bench.http.HelidonServer", "PORT")));
      all.add(new Candidate("bare, robaho", "httpserver.*", bare)); // It needs a newer JDK, too.
      all.add(new Candidate("user-service, robaho", "(httpserver|jackson|slf4j).*", service));
    }
    return all;
  }

  private static boolean hasHelidon() {
    return Runtime.version().feature() >= 21
        && Files.exists(Path.of("target/bench-classes/bench/http/HelidonServer.class"));
  }
}
