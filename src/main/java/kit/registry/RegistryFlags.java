// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static java.util.Objects.requireNonNull;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import kit.OneLine;
import kit.cli.Flags;

/**
 * The flags that say where the registry is, and what it takes to be let in: the same for every
 * program. Declare them with the others, and get the registry once the flags are parsed.
 *
 * <p>Not thread-safe, as {@link Flags} is not.
 */
public final class RegistryFlags implements Supplier<RegistryUri> {
  private static final String FORMS =
      "consul[+https]://host:port, etcd[+https]://host:port,..., dns://host:port/name,"
          + " static:host:port,... or none";

  private final Flags flags;
  private final Map<String, String> environment;
  private final Supplier<String> registry;
  private final Map<String, Supplier<Optional<String>>> more = new HashMap<>();
  private RegistryUri complete;

  /**
   * Declares them.
   *
   * @param help which registries the program can do with
   */
  public RegistryFlags(Flags flags, Map<String, String> environment, String help) {
    this.flags = flags;
    this.environment = Map.copyOf(requireNonNull(environment, "environment"));
    // Settings can be right or wrong only together with all flags; here only the form counts.
    String byDefault = RegistryUri.byDefault(environment);
    // The default comes from a variable that is not read if the flag is given: see get().
    Flags.Type<String> type =
        new Flags.Type<>("URI", FORMS, uri -> uri.equals(byDefault) ? uri : checked(uri));
    registry = flags.optional("registry", type, byDefault, help);
    Flags.Type<Optional<String>> text = Flags.TEXT.or("none");
    more.put(
        "--consul-token",
        flags.secret("consul-token", text, "none", "ACL token; better: in a file"));
    Flags.Type<Optional<String>> file = new Flags.Type<>("FILE", "a file", path -> path).or("none");
    more.put(
        "--consul-token-file",
        flags.optional("consul-token-file", file, "none", "holds the ACL token"));
    more.put(
        "--consul-ca-file",
        flags.optional("consul-ca-file", file, "none", "whom to trust over TLS, in PEM"));
    more.put(
        "--etcd-user", flags.secret("etcd-user", text, "none", "name:password; better: in a file"));
    more.put(
        "--etcd-user-file", flags.optional("etcd-user-file", file, "none", "holds name:password"));
    more.put(
        "--etcd-ca-file",
        flags.optional("etcd-ca-file", file, "none", "whom to trust over TLS, in PEM"));
  }

  private static String checked(String uri) {
    RegistryUri.parse(uri, Map.of());
    return uri;
  }

  /**
   * Returns the registry, each time the same.
   *
   * @throws Flags.UsageException if flags do not fit together, or a file cannot be read
   */
  @Override
  public RegistryUri get() {
    if (complete == null) {
      Map<String, String> settings = new HashMap<>(environment);
      more.forEach((flag, value) -> value.get().ifPresent(it -> settings.put(flag, it)));
      complete = parsed(settings);
    }
    return complete;
  }

  private RegistryUri parsed(Map<String, String> settings) {
    try {
      return RegistryUri.parse(registry.get(), settings);
    } catch (IllegalArgumentException e) { // Only the default has not been checked yet.
      String source = flags.isGiven("registry") ? "--registry" : ConsulRegistry.ADDRESS_VARIABLE;
      throw new Flags.UsageException(source + ": not http[s]://host:port or host:port: " + why(e));
    }
  }

  /** A value with a user in it holds a password, which the message must not show. */
  private static String why(IllegalArgumentException e) {
    return e.getMessage().contains("@") ? "(not shown)" : OneLine.of(e.getMessage());
  }

  /**
   * Returns the flags that were given, be it in the environment, and have no effect, because they
   * mean something to other kinds of registry only: {@code --tags} with etcd. Tell the user.
   */
  public List<String> withoutEffect() {
    return get().flagsOfOthers().stream().filter(flags::isGiven).map(flag -> "--" + flag).toList();
  }
}
