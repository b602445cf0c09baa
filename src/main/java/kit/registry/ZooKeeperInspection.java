// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.LogSafe;
import kit.discovery.Instance;
import kit.zookeeper.ZooKeeperClient;
import kit.zookeeper.ZooKeeperClient.ZooKeeperException;

/** Reads the servers of the ensemble, the children of a service, and those of the parent of all. */
final class ZooKeeperInspection implements Inspection {
  private static final int TIMEOUT_MILLIS = 3000;
  private static final int MAX_BYTES = 4096;
  private static final Pattern VERSION = Pattern.compile("version: ([^\\s,]{1,60})");

  private final List<Instance> members;
  private final ZooKeeperClient.Settings settings;

  ZooKeeperInspection(List<Instance> members, ZooKeeperClient.Settings settings) {
    this.members = members;
    this.settings = settings;
  }

  @Override
  public List<Server> servers(Clock clock) {
    return members.stream().map(ZooKeeperInspection::server).toList();
  }

  /** Sends {@code srvr}, the one command of four letters that is allowed by default. */
  private static Server server(Instance member) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(member.host(), member.port()), TIMEOUT_MILLIS);
      socket.setSoTimeout(TIMEOUT_MILLIS);
      socket.getOutputStream().write("srvr".getBytes(StandardCharsets.US_ASCII));
      byte[] state = socket.getInputStream().readNBytes(MAX_BYTES);
      Matcher version = VERSION.matcher(new String(state, StandardCharsets.UTF_8));
      return new Server(
          member.authority(),
          version.find() ? Optional.of(LogSafe.of(version.group(1))) : Optional.empty(),
          Optional.empty(),
          Optional.empty());
    } catch (IOException e) {
      return Server.failed(member.authority(), LogSafe.of(e));
    }
  }

  @Override
  public Entries entries(String service) throws IOException, InterruptedException {
    List<Entry> entries = new ArrayList<>();
    try (ZooKeeperClient client = new ZooKeeperClient(settings)) {
      for (String child : client.children("/" + service, false).orElse(List.of())) {
        client
            .get("/" + service + "/" + child, false)
            .ifPresent(node -> entries.add(EtcdInspection.entry(child, node.data())));
      }
    } catch (ZooKeeperException e) {
      throw ServerProbe.denied(e, e.code() == ZooKeeperException.NO_AUTH || e.code() == -115);
    }
    return new Entries(entries, false);
  }

  @Override
  public Optional<Set<String>> names() throws IOException, InterruptedException {
    try (ZooKeeperClient client = new ZooKeeperClient(settings)) {
      return client.children("/", false).map(TreeSet::new);
    }
  }
}
