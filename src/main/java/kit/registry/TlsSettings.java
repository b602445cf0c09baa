// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import kit.cli.FlagFile;
import kit.cli.Flags;
import kit.tls.ReloadingTls;

/**
 * The flags {@code --KIND-ca-file}, {@code --KIND-client-cert} and {@code --KIND-client-key} of a
 * registry, or the variables of the registry's own tools.
 *
 * @param kind the prefix of the flags, such as {@code etcd}
 * @param ca the value of {@code --KIND-ca-file}
 * @param certificate the value of {@code --KIND-client-cert}
 * @param key the value of {@code --KIND-client-key}
 * @param variables are read if flags are not given
 */
record TlsSettings(
    String kind,
    Optional<Path> ca,
    Optional<Path> certificate,
    Optional<Path> key,
    Variables variables) {
  /**
   * Names of the variables of a registry's own tools; empty if they have none.
   *
   * @param environment the variables by name
   */
  record Variables(String ca, String certificate, String key, Map<String, String> environment) {
    static final Variables NONE = new Variables("", "", "", Map.of());

    private Optional<Path> file(String name) {
      String path = Flags.decoded(name, environment.getOrDefault(name, ""));
      return path.isBlank() ? Optional.empty() : Optional.of(Path.of(path));
    }
  }

  /** A file, and the flag or variable that names it. */
  private record Source(String name, Optional<Path> file) {
    boolean isPresent() {
      return file.isPresent();
    }
  }

  /** Returns settings without flags. */
  static TlsSettings none(String kind) {
    return new TlsSettings(
        kind, Optional.empty(), Optional.empty(), Optional.empty(), Variables.NONE);
  }

  /** Declares the flags; {@code product} is the name of the registry in their help. */
  static Supplier<TlsSettings> declare(
      Flags flags, String kind, String product, Variables variables) {
    Supplier<Optional<Path>> ca =
        file(flags, kind + "-ca-file", "CA certificates (PEM) for TLS to " + product);
    Supplier<Optional<Path>> certificate =
        file(flags, kind + "-client-cert", "own certificate (PEM) for TLS to " + product);
    Supplier<Optional<Path>> key =
        file(flags, kind + "-client-key", "private key (PEM) of the certificate");
    return () -> new TlsSettings(kind, ca.get(), certificate.get(), key.get(), variables);
  }

  private static Supplier<Optional<Path>> file(Flags flags, String name, String help) {
    return flags.optional(name, FlagFile.TYPE.or("none"), "none", help);
  }

  /**
   * Opens a TLS context, whose files are read now; empty if Java's default trust store and no client
   * certificate are to be used.
   *
   * @param withTls whether the registry is called over TLS; flags are an error otherwise
   * @param tlsForm the form of the URIs that allow the flags
   * @throws Flags.UsageException if a certificate comes without its key, or a file cannot be used
   */
  Optional<ReloadingTls> open(boolean withTls, String tlsForm, ReloadingTls.Listener listener) {
    String prefix = "--" + kind;
    Source givenCa = new Source(prefix + "-ca-file", ca);
    Source givenCertificate = new Source(prefix + "-client-cert", certificate);
    Source givenKey = new Source(prefix + "-client-key", key);
    if (!withTls) {
      for (Source given : List.of(givenCa, givenCertificate, givenKey)) {
        if (given.isPresent()) {
          throw new Flags.UsageException(given.name + ": the registry is not " + tlsForm);
        }
      }
      return Optional.empty();
    }
    boolean isPairGiven = givenCertificate.isPresent() || givenKey.isPresent();
    return open(
        givenCa.isPresent() ? givenCa : variable(variables.ca),
        isPairGiven ? givenCertificate : variable(variables.certificate),
        isPairGiven ? givenKey : variable(variables.key),
        listener);
  }

  private Source variable(String name) {
    return new Source(name, variables.file(name));
  }

  private static Optional<ReloadingTls> open(
      Source ca, Source certificate, Source key, ReloadingTls.Listener listener) {
    if (certificate.isPresent() != key.isPresent()) {
      throw new Flags.UsageException(
          certificate.name + " and " + key.name + ": one needs the other");
    }
    List<String> names = new ArrayList<>();
    for (Source source : List.of(ca, certificate, key)) {
      if (source.isPresent()) {
        names.add(source.name);
      }
    }
    if (names.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          ReloadingTls.forClient(
              ca.file, certificate.file, key.file, InstantSource.system(), listener));
    } catch (IOException e) {
      throw new Flags.UsageException(String.join(", ", names) + ": " + e.getMessage());
    }
  }
}
