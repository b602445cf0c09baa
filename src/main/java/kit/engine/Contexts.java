// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The contexts of a server: a path belongs to the context with the longest path that it starts with.
 *
 * <p>Thread-safe; finding takes no lock.
 */
final class Contexts {
  private volatile List<EngineContext> longestFirst = List.of();

  synchronized void add(EngineContext context) {
    if (!context.getPath().startsWith("/")) {
      throw new IllegalArgumentException("the path of a context does not start with a slash");
    }
    List<EngineContext> all = new ArrayList<>(longestFirst);
    for (EngineContext known : all) {
      if (known.getPath().equals(context.getPath())) {
        throw new IllegalArgumentException("there is a context with this path");
      }
    }
    all.add(context);
    all.sort(Comparator.comparingInt((EngineContext each) -> -each.getPath().length()));
    longestFirst = List.copyOf(all);
  }

  synchronized void remove(String path) {
    List<EngineContext> all = new ArrayList<>(longestFirst);
    if (!all.removeIf(context -> context.getPath().equals(path))) {
      throw new IllegalArgumentException("there is no context with this path");
    }
    longestFirst = List.copyOf(all);
  }

  /** Returns the context of a path, or null. */
  EngineContext find(String path) {
    for (EngineContext context : longestFirst) {
      if (path.startsWith(context.getPath())) {
        return context;
      }
    }
    return null;
  }
}
