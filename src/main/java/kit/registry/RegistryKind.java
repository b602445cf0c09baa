// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import kit.cli.Flags;

/**
 * Kind of registry: the form of its URIs, its flags and its constructor. {@link RegistryKinds} lists all
 * kinds.
 *
 * @param form of the URIs, as help and error messages show it
 * @param meaning what the URI names, for the help
 * @param prefixes of the URIs
 * @param allowsAt whether a URI may contain an at sign
 * @param flags names, without dashes, that have no effect with some of the other kinds
 * @param noSettings the settings if there are no flags and environment variables
 * @param declaration declares the flags
 * @param opener returns the registry of a URI
 * @param <S> the settings that the flags and the environment give
 */
record RegistryKind<S>(
    String form,
    String meaning,
    List<String> prefixes,
    boolean allowsAt,
    Set<String> flags,
    S noSettings,
    Declaration<S> declaration,
    BiFunction<String, S, Registry> opener) {
  /** Declares the flags of one kind of registry. */
  @FunctionalInterface
  interface Declaration<S> {
    /** Returns the settings, which can be read when the flags have been parsed. */
    Supplier<S> declare(Flags flags, Map<String, String> environment);
  }

  /** Returns a kind without settings. */
  static RegistryKind<String> of(
      String form,
      String meaning,
      String prefix,
      boolean allowsAt,
      Function<String, Registry> opener) {
    return new RegistryKind<>(
        form,
        meaning,
        List.of(prefix),
        allowsAt,
        Set.of(),
        "",
        (flags, environment) -> () -> "",
        (uri, none) -> opener.apply(uri));
  }

  boolean isFor(String uri) {
    return prefixes.stream().anyMatch(uri::startsWith);
  }

  Registry open(String uri) {
    return opener.apply(uri, noSettings);
  }

  /** Declares the flags of this kind; the result opens a registry with their values. */
  Function<String, Registry> declare(Flags flags, Map<String, String> environment) {
    Supplier<S> settings = declaration.declare(flags, environment);
    return uri -> opener.apply(uri, settings.get());
  }
}
