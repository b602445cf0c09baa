// SPDX-License-Identifier: Apache-2.0
package docs;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds the diagram of a state machine by triggering every event in every state.
 *
 * @param <M> the machine
 */
final class Transitions<M extends AutoCloseable> {
  private final Map<String, Maker<M>> states = new LinkedHashMap<>();
  private final Map<String, Event<M>> events = new LinkedHashMap<>();

  /** Makes a machine in a certain state. */
  @FunctionalInterface
  interface Maker<M> {
    M make() throws Exception;
  }

  /** An event for a machine. */
  @FunctionalInterface
  interface Event<M> {
    void happen(M machine) throws Exception;
  }

  /** Returns the state of a machine. */
  @FunctionalInterface
  interface Look<M> {
    String stateOf(M machine) throws Exception;
  }

  Transitions<M> state(String name, Maker<M> maker) {
    states.put(name, maker);
    return this;
  }

  Transitions<M> event(String name, Event<M> event) {
    events.put(name, event);
    return this;
  }

  List<String> states() {
    return List.copyOf(states.keySet());
  }

  /** Triggers all events in all states; returns a line for each change of state. */
  List<String> drawn(Look<M> look) throws Exception {
    List<String[]> edges = new ArrayList<>();
    for (Map.Entry<String, Event<M>> event : events.entrySet()) {
      Map<String, Set<String>> from = new LinkedHashMap<>(); // By the next state.
      for (Map.Entry<String, Maker<M>> state : states.entrySet()) {
        try (M machine = state.getValue().make()) {
          String before = look.stateOf(machine);
          if (!before.equals(state.getKey())) {
            throw new AssertionError("made to be " + state.getKey() + ", but is " + before);
          }
          event.getValue().happen(machine);
          String after = look.stateOf(machine);
          if (!after.equals(before)) {
            from.computeIfAbsent(after, key -> new LinkedHashSet<>()).add(before);
          }
        }
      }
      from.forEach(
          (to, all) -> {
            boolean isAny = all.size() > 2 && all.size() == states.size() - 1; // All others.
            (isAny ? List.of("any other") : all)
                .forEach(one -> edges.add(new String[] {one, event.getKey(), to}));
          });
    }
    return aligned(edges);
  }

  private static List<String> aligned(List<String[]> edges) {
    int first = edges.stream().mapToInt(edge -> edge[0].length()).max().orElse(0);
    int second = edges.stream().mapToInt(edge -> edge[1].length()).max().orElse(0);
    List<String> lines = new ArrayList<>();
    for (String[] edge : edges) {
      String dashes = "-".repeat(second - edge[1].length() + 3);
      lines.add(
          edge[0]
              + " ".repeat(first - edge[0].length())
              + "  -- "
              + edge[1]
              + " "
              + dashes
              + "> "
              + edge[2]);
    }
    return lines;
  }
}
