// SPDX-License-Identifier: Apache-2.0
package docs;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The commands on the pages. They stand in blocks of two kinds:
 *
 * <pre>
 *   sh            typed one after the other, in one terminal for the whole page
 *   sh terminal   each line goes on until Ctrl-C, in a terminal of its own: to the section's end
 * </pre>
 *
 * <p>What is printed can be shown as {@code # -> text} behind a command, which must be in there
 * somewhere, or in a {@code text} block below, which must be all of it, as {@link Shown} compares.
 * {@code text terminal} shows what the terminal that was opened last has printed in the end. A command
 * for which nothing is shown must succeed.
 *
 * <p>{@link DocsIT} runs all of them but these.
 */
final class Commands {
  /** Regexes of the commands that are not run, and why. */
  static final Map<String, String> NOT_RUN =
      Map.of(
          "mvn -q package -DskipTests",
          "downloads; its jars are what all other commands run on",
          "scripts/demo --etcd",
          "scripts/check runs it, and looks at the output",
          "java -jar user-service.jar --name userservice --port 8081 --registry etcd://127.0.0.1:2379",
          "needs an etcd; EtcdRegistryIT runs the jars with one",
          "java -jar client.jar loop --registry etcd://127.0.0.1:2379",
          "as above",
          "java -jar client.jar loop --registry dns://127.0.0.1:8600/service.consul",
          "needs Consul's DNS; DnsRegistryIT finds with it",
          "java -jar zipkin/zipkin.jar",
          "needs a Zipkin; ZipkinIT reads the trace in one, here the spans are lost",
          "etcdctl .*",
          "needs etcd's own client; SecuredEtcdIT gives a user these rights");

  private static final Pattern LOOKS =
      Pattern.compile("(curl (?!.*( -d | -X )).*|jq .*|java -jar client\\.jar instances.*)");
  private static final String SHOWS = "# -> ";

  private Commands() {}

  /**
   * One command.
   *
   * @param text what is typed, without a comment
   * @param shown what it prints according to the comment behind it, or nothing
   */
  record Command(String text, String shown) {
    boolean isRun() {
      return NOT_RUN.keySet().stream().noneMatch(text::matches);
    }

    /** Whether it changes nothing, so that it can be repeated. */
    boolean onlyLooks() {
      return LOOKS.matcher(text).matches();
    }
  }

  static boolean isCommands(Page.Block block) {
    return block.info().equals("sh") || block.info().equals("sh terminal");
  }

  /** Takes a block apart: a command is a line, or several with a backslash at their ends. */
  static List<Command> of(Page.Block block) {
    List<Command> commands = new ArrayList<>();
    String begun = "";
    for (String line : block.text()) {
      if (line.endsWith("\\")) {
        begun += line.substring(0, line.length() - 1);
      } else if (!line.isBlank() && !line.startsWith("#")) {
        String whole = begun + line;
        int comment = whole.indexOf(" # ");
        String text = comment < 0 ? whole : whole.substring(0, comment);
        int shows = whole.indexOf(SHOWS);
        String shown = shows < 0 ? "" : whole.substring(shows + SHOWS.length());
        commands.add(new Command(text.strip(), shown));
        begun = "";
      }
    }
    return commands;
  }
}
