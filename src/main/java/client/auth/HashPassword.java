// SPDX-License-Identifier: Apache-2.0
package client.auth;

import java.io.IOException;
import java.security.SecureRandom;
import java.util.List;
import kit.auth.PasswordFile;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;

/** Prints an entry for the service's {@code --users-file}. */
public final class HashPassword {
  private HashPassword() {}

  /** Runs the command. */
  public static void run(String... args) throws IOException {
    Flags flags =
        new Flags(
            "java -jar client.jar hash-password",
            "Prints an entry with a password hash for the service's --users-file.",
            Program.ENVIRONMENT_PREFIX,
            Program.environment());
    Password password = new Password(flags);
    List<String> name = flags.positionals("NAME", 1, 1);
    flags.parse(args);
    try {
      Output.line(PasswordFile.line(name.get(0), password.read(), new SecureRandom()));
    } catch (IllegalArgumentException e) {
      throw new Program.FailedException(e.getMessage(), e);
    }
  }
}
