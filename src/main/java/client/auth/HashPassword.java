// SPDX-License-Identifier: Apache-2.0
package client.auth;

import java.io.IOException;
import java.security.SecureRandom;
import java.util.List;
import java.util.function.Supplier;
import kit.auth.PasswordFile;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;

/** Makes a line for the service's {@code --users-file}; needs no service. */
public final class HashPassword {
  private HashPassword() {}

  public static void run(String... args) throws IOException {
    Flags flags =
        new Flags(
            "java -jar client.jar hash-password",
            "Prints a line for the file of users that a service's --users-file names.",
            Program.ENVIRONMENT_PREFIX,
            System.getenv());
    Password password = new Password(flags);
    Supplier<List<String>> name = flags.positionals("NAME", 1, 1);
    flags.parse(args);
    try {
      Output.line(PasswordFile.line(name.get().get(0), password.read(), new SecureRandom()));
    } catch (IllegalArgumentException e) {
      throw new Program.FailedException(e.getMessage(), e);
    }
  }
}
