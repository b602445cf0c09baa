// SPDX-License-Identifier: Apache-2.0
package client.options;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import kit.auth.JwtAuthenticating;
import kit.cli.FlagFile;
import kit.cli.Flags;

/**
 * The flags of the access token: {@code --token}, or {@code --token-file} for one that is renewed.
 *
 * <p>Tokens expire while a loop runs, so the file is read again, at most once a second. While it cannot be
 * read, the last token is used.
 */
final class TokenFlags implements Supplier<String> {
  private static final long REREAD_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final Flags.Type<String> TOKEN =
      new Flags.Type<>("TOKEN", "an access token", JwtAuthenticating::checked);

  private record Read(String token, long atNanos) {}

  private final Supplier<Optional<String>> token;
  private final Supplier<Optional<Path>> file;
  private final LongSupplier nanoTime;
  private volatile Read last; // Null if there is no file, or it has not been read.

  TokenFlags(Flags flags, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    flags.group("Security");
    token =
        flags.secret("token", TOKEN.or("none"), "none", "access token to send; prefer KIT_TOKEN");
    file =
        flags.optional(
            "token-file",
            FlagFile.TYPE.or("none"),
            "none",
            "file with the access token; re-read on change");
  }

  /**
   * Reads the token file for the first time.
   *
   * @throws Flags.UsageException if it cannot be used, or both flags are given
   */
  void check() {
    if (file.get().isEmpty()) {
      return;
    }
    if (token.get().isPresent()) {
      throw new Flags.UsageException("--token and --token-file: only one of them is allowed");
    }
    last = FlagFile.read("--token-file", file.get().get(), this::read);
  }

  /** Returns the current token, or null. */
  @Override
  public String get() {
    Read read = last;
    if (read == null) {
      return token.get().orElse(null);
    }
    if (nanoTime.getAsLong() - read.atNanos >= REREAD_NANOS) {
      try {
        read = read(file.get().orElseThrow());
      } catch (IOException | IllegalArgumentException e) {
        read = new Read(read.token, nanoTime.getAsLong()); // The file may be half written.
      }
      last = read;
    }
    return read.token;
  }

  private Read read(Path path) throws IOException {
    String text = Files.readString(path).strip();
    try {
      return new Read(JwtAuthenticating.checked(text), nanoTime.getAsLong());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(path + ": " + e.getMessage());
    }
  }
}
