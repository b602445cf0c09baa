// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import kit.auth.PasswordFile;
import kit.cli.FlagFile;
import kit.cli.Flags;
import kit.cli.JwtFlags;

/** The flags about who may call, and who gets a token to call with. */
final class AccessFlags {
  private final JwtFlags tokens;
  private final Supplier<Optional<Path>> usersFile;

  AccessFlags(Flags flags) {
    tokens = new JwtFlags(flags);
    usersFile =
        flags.optional(
            "users-file",
            FlagFile.TYPE.or("none"),
            "none",
            "who gets a token from POST /access-token");
  }

  /**
   * Reads the files; returns nothing if everybody may call.
   *
   * @throws Flags.UsageException if a file cannot be used, or the flags do not go together
   */
  Optional<Access> read() {
    Optional<JwtFlags.Tokens> needed = tokens.read();
    if (needed.isEmpty()) {
      JwtFlags.checkIsNotGiven("--users-file", usersFile);
    }
    return needed.map(
        these ->
            new Access(
                these,
                usersFile
                    .get()
                    .map(file -> FlagFile.read("--users-file", file, PasswordFile::read))));
  }
}
