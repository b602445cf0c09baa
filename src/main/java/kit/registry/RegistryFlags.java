// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static java.util.Objects.requireNonNull;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import kit.LogSafe;
import kit.cli.Flags;

/**
 * The flags that name the registry, its credentials and its CA certificates: the same for every
 * program. Declare them with the others, and get the registry once the flags are parsed.
 *
 * <p>Not thread-safe, as {@link Flags} is not.
 */
public final class RegistryFlags implements Supplier<Registry> {
  private final Flags flags;
  private final Supplier<String> uri;
  private final Map<RegistryKind<?>, Function<String, Registry>> openers = new HashMap<>();
  private Registry registry;

  /**
   * Declares them.
   *
   * @param help which registries the program supports
   */
  public RegistryFlags(Flags flags, Map<String, String> environment, String help) {
    this.flags = flags;
    Map<String, String> variables = Map.copyOf(requireNonNull(environment, "environment"));
    // Settings can be right or wrong only together with all flags; here only the form counts.
    String byDefault = Registry.defaultUri(variables);
    // The default comes from a variable that is not read if the flag is given: see get().
    Flags.Type<String> type =
        new Flags.Type<>(
            "URI", RegistryKinds.forms(), text -> text.equals(byDefault) ? text : checked(text));
    uri = flags.optional("registry", type, byDefault, help);
    RegistryKinds.ALL.forEach(kind -> openers.put(kind, kind.declare(flags, variables)));
  }

  private static String checked(String uri) {
    Registry.parse(uri);
    return uri;
  }

  /**
   * Returns the registry, each time the same.
   *
   * @throws Flags.UsageException if flags do not fit together, or a file cannot be read
   */
  @Override
  public Registry get() {
    if (registry == null) {
      registry = open();
    }
    return registry;
  }

  private Registry open() {
    try {
      return openers.get(RegistryKinds.of(uri.get())).apply(uri.get());
    } catch (IllegalArgumentException e) { // Only the default has not been checked yet.
      String source = flags.isGiven("registry") ? "--registry" : ConsulRegistry.ADDRESS_VARIABLE;
      throw new Flags.UsageException(source + ": not http[s]://host:port or host:port: " + why(e));
    }
  }

  /** A value with a user in it holds a password, which the message must not show. */
  private static String why(IllegalArgumentException e) {
    return e.getMessage().contains("@") ? "(not shown)" : LogSafe.of(e.getMessage());
  }

  /**
   * Returns the flags that were given, be it in the environment, and have no effect, because they
   * mean something to other kinds of registry only: {@code --tags} with etcd.
   */
  public List<String> withoutEffect() {
    Set<String> others = new TreeSet<>();
    RegistryKinds.ALL.forEach(kind -> others.addAll(kind.flags()));
    others.removeAll(RegistryKinds.of(uri.get()).flags());
    return others.stream().filter(flags::isGiven).map(flag -> "--" + flag).toList();
  }
}
