// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import kit.discovery.Instance;
import kit.etcd.EtcdClient;

/** Reads the members of the cluster and the keys below {@code /services/}. */
final class EtcdInspection implements Inspection {
  private static final String PREFIX = "/services/";
  private static final Pattern VERSION =
      Pattern.compile("\"etcdserver\"\\s*:\\s*\"([^\"]{1,60})\"");

  // Status codes of gRPC.
  private static final Set<Integer> DENIED = Set.of(3, 7, 16);

  private final List<URI> members;
  private final HttpClient http;
  private final EtcdClient client;

  EtcdInspection(List<URI> members, HttpClient http, EtcdClient client) {
    this.members = members;
    this.http = http;
    this.client = client;
  }

  @Override
  public List<Server> servers(Clock clock) throws InterruptedException {
    List<Server> servers = new ArrayList<>();
    for (URI member : members) { // The version needs no user.
      servers.add(ServerProbe.get(http, member.resolve("/version"), Map.of(), VERSION, clock));
    }
    return servers;
  }

  @Override
  public Entries entries(String service) throws IOException, InterruptedException {
    List<Entry> entries = new ArrayList<>();
    for (EtcdClient.Entry entry : list(PREFIX + service + "/")) {
      entries.add(entry(entry.key(), entry.value()));
    }
    return new Entries(entries, false);
  }

  /** Returns an entry; the address of a malformed one cannot be called. */
  static Entry entry(String id, String address) {
    try {
      return Entry.of(id, Instance.parse(address));
    } catch (IllegalArgumentException e) {
      return new Entry(id, address, 0, List.of(), Map.of(), true, List.of());
    }
  }

  @Override
  public Optional<Set<String>> names() throws IOException, InterruptedException {
    Set<String> names = new TreeSet<>();
    for (EtcdClient.Entry entry : list(PREFIX)) {
      names.add(entry.key().substring(PREFIX.length()).replaceFirst("(?s)/.*", ""));
    }
    return Optional.of(names);
  }

  private List<EtcdClient.Entry> list(String prefix) throws IOException, InterruptedException {
    try {
      return client.list(prefix).entries();
    } catch (EtcdClient.EtcdException e) {
      throw ServerProbe.denied(e, DENIED.contains(e.code()));
    }
  }
}
