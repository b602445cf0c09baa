// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.Key;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import kit.auth.Jwt;
import kit.auth.JwtAuthenticating;
import kit.auth.KeyFile;
import kit.auth.PasswordFile;
import kit.cli.Flags;

/** The flags about who may call. */
final class AccessFlags {
  private static final Flags.Type<Path> FILE = new Flags.Type<>("FILE", "a file", Path::of);

  private static final Flags.Type<Jwt.Algorithm> ALGORITHM =
      new Flags.Type<>("ALGORITHM", "HS256, HS384, HS512, RS256, ES256", Jwt.Algorithm::valueOf);

  private static final Flags.Type<String> SCOPE =
      new Flags.Type<>("SCOPE", "one word", JwtAuthenticating::checkedScope);

  private final Supplier<Optional<Path>> keyFile;
  private final Supplier<Optional<Jwt.Algorithm>> algorithm;
  private final Supplier<Optional<String>> issuer;
  private final Supplier<Optional<String>> audience;
  private final Supplier<Optional<String>> scope;
  private final Supplier<Optional<Path>> usersFile;

  AccessFlags(Flags flags) {
    keyFile =
        flags.optional(
            "jwt-key-file", FILE.or("none"), "none", "callers need a token; this verifies it");
    algorithm =
        flags.optional(
            "jwt-algorithm", ALGORITHM.or("auto"), "auto", "auto = after the key: ...256");
    issuer =
        flags.optional("jwt-issuer", Flags.TEXT.or("any"), "any", "what iss of a token must be");
    audience =
        flags.optional("jwt-audience", Flags.TEXT.or("none"), "none", "what aud must contain");
    scope = flags.optional("jwt-scope", SCOPE.or("none"), "none", "what scope must contain");
    usersFile =
        flags.optional(
            "users-file", FILE.or("none"), "none", "who gets a token from POST /access-token");
  }

  /**
   * Reads the files; returns nothing if everybody may call.
   *
   * @throws Flags.UsageException if a file cannot be used, or the flags do not go together
   */
  Optional<Access> read() {
    if (keyFile.get().isEmpty()) {
      checkNothingElseIsGiven();
      return Optional.empty();
    }
    KeyFile keys = read("--jwt-key-file", keyFile.get().get(), KeyFile::read);
    PasswordFile users =
        usersFile.get().map(file -> read("--users-file", file, PasswordFile::read)).orElse(null);
    Jwt.Algorithm chosen = algorithm.get().orElse(Jwt.Algorithm.of(keys.verifying()));
    Jwt.Expected expected = Jwt.Expected.of(issuer.get().orElse(null), audience.get().orElse(null));
    try {
      return Optional.of(
          new Access(
              new Jwt.Verifier(chosen, keys.verifying(), expected, InstantSource.system()),
              keys.signing().map(key -> signer(chosen, key)),
              Optional.ofNullable(users),
              expected,
              scope.get()));
    } catch (IllegalArgumentException e) { // The key does not fit.
      String flag = algorithm.get().isPresent() ? "--jwt-algorithm: " : "--jwt-key-file: ";
      throw new Flags.UsageException(flag + e.getMessage());
    }
  }

  private static Jwt.Signer signer(Jwt.Algorithm algorithm, Key key) {
    return new Jwt.Signer(algorithm, key, InstantSource.system());
  }

  /** Whoever gives one of these believes to be protected. */
  private void checkNothingElseIsGiven() {
    Map<String, Supplier<? extends Optional<?>>> others = new LinkedHashMap<>();
    others.put("--jwt-algorithm", algorithm);
    others.put("--jwt-issuer", issuer);
    others.put("--jwt-audience", audience);
    others.put("--jwt-scope", scope);
    others.put("--users-file", usersFile);
    others.forEach(
        (flag, value) -> {
          if (value.get().isPresent()) {
            throw new Flags.UsageException(flag + " is of no use without --jwt-key-file");
          }
        });
  }

  private interface Reader<T> {
    T read(Path file) throws IOException;
  }

  private static <T> T read(String flag, Path file, Reader<T> reader) {
    try {
      return reader.read(file);
    } catch (NoSuchFileException e) {
      throw new Flags.UsageException(flag + ": no such file: " + file);
    } catch (IOException e) {
      throw new Flags.UsageException(flag + ": cannot read " + file + ": " + e.getMessage());
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException(flag + ": " + e.getMessage());
    }
  }
}
