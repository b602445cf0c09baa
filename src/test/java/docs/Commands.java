// SPDX-License-Identifier: Apache-2.0
package docs;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The commands on the pages. A block of commands has one of two types:
 *
 * <pre>
 *   sh            typed one after the other, in one terminal for the whole page
 *   sh terminal   each line runs until Ctrl-C in its own terminal, to the end of the section
 * </pre>
 *
 * <p>The page has the output as {@code # -> text} after a command (a part of the output), or as a
 * {@code text} block below (the complete output); {@link Shown} compares them. {@code text terminal} is
 * the end of the output of the terminal opened last. A command without output on the page must succeed.
 *
 * <p>{@link DocsIT} runs all commands but {@link #NOT_RUN}.
 */
final class Commands {
  /** Regexes of the commands that are not run, with the reason. */
  static final Map<String, String> NOT_RUN =
      Map.ofEntries(
          Map.entry("mvn -q package -DskipTests", "downloads; the other commands use its jars"),
          Map.entry("scripts/demo --etcd", "scripts/check runs it and checks the output"),
          Map.entry(
              "java -jar user-service.jar --name userservice --port 8081 --registry etcd://127.0.0.1:2379",
              "needs etcd; EtcdRegistryIT runs the jars with it"),
          Map.entry("java -jar client.jar loop --registry etcd://127.0.0.1:2379", "as above"),
          Map.entry(
              "java -jar client.jar loop --registry dns://127.0.0.1:8600/service.consul",
              "needs Consul's DNS; DnsRegistryIT uses it"),
          Map.entry(
              "java -jar zipkin/zipkin.jar",
              "needs Zipkin; ZipkinIT reads the trace, here the spans are lost"),
          Map.entry("etcdctl .*", "needs etcd's client; SecuredEtcdIT grants these permissions"),
          Map.entry("scripts/demo --zookeeper", "ZooKeeperRegistryIT uses a real ZooKeeper"),
          Map.entry(
              "java -jar user-service.jar --name userservice --port 8081 --registry zookeeper://127.0.0.1:2181",
              "ServiceInZooKeeperIT runs the jars with a real ZooKeeper"),
          Map.entry("java -jar client.jar loop --registry zookeeper://127.0.0.1:2181", "as above"),
          Map.entry("scripts/demo --nacos", "NacosRegistryIT uses a real Nacos"),
          Map.entry(
              "java -jar user-service.jar --name userservice --port 8081 --registry nacos://127.0.0.1:8848",
              "ServiceInNacosIT runs the jars with a real Nacos"),
          Map.entry("java -jar client.jar loop --registry nacos://127.0.0.1:8848", "as above"),
          Map.entry("scripts/demo --eureka", "EurekaRegistryIT uses a real Eureka"),
          Map.entry(
              "java -jar user-service.jar --name userservice --port 8081"
                  + " --registry eureka://127.0.0.1:8761/eureka --drain-delay 60s",
              "ServiceInEurekaIT runs the jars with a real Eureka"),
          Map.entry(
              "java -jar client.jar loop --registry eureka://127.0.0.1:8761/eureka", "as above"));

  private static final Pattern READS =
      Pattern.compile("(curl (?!.*( -d | -X )).*|jq .*|java -jar client\\.jar instances.*)");
  private static final String SHOWS = "# -> ";

  private Commands() {}

  /**
   * One command.
   *
   * @param text without a comment
   * @param shown the output in the comment after it, or empty
   */
  record Command(String text, String shown) {
    boolean isRun() {
      return NOT_RUN.keySet().stream().noneMatch(text::matches);
    }

    /** Whether it only reads, so that it can be repeated. */
    boolean onlyReads() {
      return READS.matcher(text).matches();
    }
  }

  static boolean isCommands(Page.Block block) {
    return block.info().equals("sh") || block.info().equals("sh terminal");
  }

  /** Parses a block: a command is a line, or several lines that end with a backslash. */
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
