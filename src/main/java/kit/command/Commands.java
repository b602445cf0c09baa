// SPDX-License-Identifier: Apache-2.0
package kit.command;

import static java.util.Objects.requireNonNull;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Finds commands by name, so that all who call the same thing share one breaker and one limit, and
 * so that their settings can change while they run.
 *
 * <pre>{@code
 * Commands commands = new Commands(name -> new Command(name, CommandSettings.defaults()));
 *
 * commands.get("users").run(work, fallback);
 * commands.configure("users", CommandSettings.defaults().withMaxConcurrent(50));
 * }</pre>
 *
 * <p>A command stays until it is removed, so take names from the program, never from requests.
 * Neither has threads: there is nothing to close.
 *
 * <p>Safe for any number of threads.
 *
 * <p>Hystrix's words: {@code ConfigureCommand}, {@code GetCircuit}.
 */
public final class Commands {
  private final Map<String, Command> commands = new ConcurrentHashMap<>();
  private final Function<String, Command> factory;

  /**
   * Makes commands by {@code factory}, each when its name is first asked for. When two threads ask at
   * the same moment it may make two, of which one is dropped.
   */
  public Commands(Function<String, Command> factory) {
    this.factory = requireNonNull(factory, "factory");
  }

  /** Returns the command of this name, a new one if there is none. */
  public Command get(String name) {
    Command known = commands.get(requireNonNull(name, "name"));
    if (known != null) {
      return known;
    }
    // Not computeIfAbsent, which calls the factory under a lock. One that comes second is dropped.
    Command made = requireNonNull(factory.apply(name), "factory returned null");
    Command earlier = commands.putIfAbsent(name, made);
    return earlier == null ? made : earlier;
  }

  /** As {@link #get}, with other settings from now on; see {@link Command#configure}. */
  public Command configure(String name, CommandSettings settings) {
    Command command = get(name);
    command.configure(settings);
    return command;
  }

  /**
   * Forgets the command of this name, and returns whether there was one. Its calls go on; the next
   * {@link #get} makes a new one.
   */
  public boolean remove(String name) {
    return commands.remove(requireNonNull(name, "name")) != null;
  }

  /** Returns the commands of this moment, by name in alphabetical order. */
  public Map<String, Command> all() {
    return new TreeMap<>(commands);
  }
}
