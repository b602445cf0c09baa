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
import kit.cli.HttpEngine;

/**
 * The flags of the registry, its credentials and its CA certificates, the same for every program. The
 * registry is available once the flags have been parsed.
 *
 * <p>Not thread-safe, as {@link Flags} is not.
 */
public final class RegistryFlags implements Supplier<Registry> {
  private final Flags flags;
  private final Supplier<String> uri;
  private final Map<RegistryKind<?>, Function<String, Registry>> openers = new HashMap<>();
  private final Supplier<HttpEngine> engine;
  private Registry registry;

  /** Declares the flags of a program that calls its registry with the JDK's HTTP client. */
  public RegistryFlags(Flags flags, Map<String, String> environment) {
    this(flags, environment, () -> HttpEngine.JDK);
  }

  /**
   * Declares the flags; {@code environment} is read for the variables of the registries' own tools,
   * and the registry is called by {@code engine}.
   */
  public RegistryFlags(Flags flags, Map<String, String> environment, Supplier<HttpEngine> engine) {
    this.flags = flags;
    this.engine = requireNonNull(engine, "engine");
    Map<String, String> variables = Map.copyOf(requireNonNull(environment, "environment"));
    // Here only the form is checked: other errors depend on other flags.
    String byDefault = Registry.defaultUri(variables);
    // The default comes from a variable that is not read if the flag is given: see get().
    Flags.Type<String> type =
        new Flags.Type<>(
            "URI", RegistryKinds.forms(), text -> text.equals(byDefault) ? text : checked(text));
    flags.group("Registry");
    uri = flags.optional("registry", type, byDefault, "service registry; see Registries");
    RegistryKinds.ALL.forEach(kind -> openers.put(kind, kind.declare(flags, variables)));
    flags.group("Registries");
    RegistryKinds.ALL.forEach(kind -> flags.row(kind.form(), kind.meaning()));
  }

  private static String checked(String uri) {
    Registry.parse(uri);
    return uri;
  }

  /**
   * Returns the registry, each time the same.
   *
   * @throws Flags.UsageException if flags contradict each other, or a file cannot be read
   */
  @Override
  public Registry get() {
    if (registry == null) {
      registry = open();
      registry.callWith(engine.get());
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

  /** A value with user info contains a password, which the message must not show. */
  private static String why(IllegalArgumentException e) {
    return e.getMessage().contains("@") ? "(not shown)" : LogSafe.of(e.getMessage());
  }

  /**
   * Returns the flags that are given, on the command line or in the environment, but have no effect with
   * this kind of registry, such as {@code --tags} with etcd.
   */
  public List<String> withoutEffect() {
    Set<String> others = new TreeSet<>();
    RegistryKinds.ALL.forEach(kind -> others.addAll(kind.flags()));
    others.removeAll(RegistryKinds.of(uri.get()).flags());
    return others.stream().filter(flags::isGiven).map(flag -> "--" + flag).toList();
  }
}
