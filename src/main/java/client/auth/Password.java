// SPDX-License-Identifier: Apache-2.0
package client.auth;

import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import kit.cli.FlagFile;
import kit.cli.Flags;
import kit.cli.Program;

/**
 * Reads a password from a source that other users of the machine cannot see, so not the command line.
 *
 * <p>Sources in this order: the file, the variable, the terminal without echo, one line of stdin. File and
 * stdin are UTF-8; the variable and the terminal have the encoding of the locale. Bytes
 * that cannot be decoded are rejected: different passwords would become the same.
 */
final class Password {
  private static final String VARIABLE = "KIT_PASSWORD";

  private final Supplier<Optional<Path>> file;

  Password(Flags flags) {
    file =
        flags
            .group("Security")
            .optional(
                "password-file",
                FlagFile.TYPE.or("none"),
                "none",
                "file with the password; unset = " + VARIABLE + " or stdin");
  }

  /** Returns the password, without a newline at its end. */
  String read() throws IOException {
    String password = given();
    if (password == null || password.isEmpty()) {
      throw new Program.FailedException("the password is empty", null);
    }
    if (password.chars().anyMatch(Character::isISOControl)) {
      throw new Program.FailedException("control character in the password", null); // RFC 7617, 2
    }
    return password;
  }

  private String given() throws IOException {
    if (file.get().isPresent()) {
      return FlagFile.read("--password-file", file.get().get(), Files::readString)
          .replaceFirst("\\r?\\n\\z", "");
    }
    String variable = System.getenv(VARIABLE);
    if (variable != null) {
      return Flags.decoded(VARIABLE, variable);
    }
    Console console = System.console();
    if (console != null) {
      char[] typed = console.readPassword("password: ");
      return typed == null ? null : Flags.decoded("the terminal", new String(typed));
    }
    try {
      CharsetDecoder strict = StandardCharsets.UTF_8.newDecoder();
      return new BufferedReader(new InputStreamReader(System.in, strict)).readLine();
    } catch (CharacterCodingException e) {
      throw new Flags.UsageException("stdin: not UTF-8");
    }
  }
}
