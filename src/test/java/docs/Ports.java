// SPDX-License-Identifier: Apache-2.0
package docs;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import testing.LocalServers;

/** Replaces the ports on the pages by free ones: those may be in use on this machine. */
final class Ports {
  private static final List<Integer> NAMED = List.of(8080, 8081, 8082, 8083, 8500, 9200);

  private record Port(String named, String free) {}

  private final List<Port> ports = new ArrayList<>();

  Ports() throws IOException {
    // In the same order: lists of instances are sorted by address.
    List<Integer> free = LocalServers.freePorts(NAMED.size()).stream().sorted().toList();
    for (int i = 0; i < free.size(); i++) {
      ports.add(new Port(NAMED.get(i).toString(), free.get(i).toString()));
    }
  }

  /** Returns the replacement of a port. */
  String free(int named) {
    return free(Integer.toString(named));
  }

  /** Returns the command with the free ports. */
  String free(String command) {
    String changed = command;
    for (Port port : ports) {
      changed = replace(port.named, port.free, changed);
    }
    return changed;
  }

  /** Returns the output with the ports of the pages. */
  List<String> named(List<String> printed) {
    List<String> changed = new ArrayList<>();
    for (String line : printed) {
      String with = line;
      for (Port port : ports) {
        with = replace(port.free, port.named, with);
      }
      changed.add(with);
    }
    return changed;
  }

  private static String replace(String from, String to, String text) {
    // Between two hexadecimal digits it is part of an id.
    return Pattern.compile("(?<![0-9])" + from + "(?![0-9a-f])").matcher(text).replaceAll(to);
  }
}
