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
 * A password, from where no other user of the machine sees it: never from the command line.
 *
 * <p>In this order: the file, the variable, the terminal without echo, one line of stdin. File and
 * stdin are UTF-8; the variable and the terminal have the encoding of the locale. What cannot be
 * decoded is refused: with characters lost, different passwords would become the same.
 */
final class Password {
  private static final String VARIABLE = "KIT_PASSWORD";

  private final Supplier<Optional<Path>> file;

  Password(Flags flags) {
    file =
        flags.optional(
            "password-file",
            new Flags.Type<>("FILE", "a file", Path::of).or("none"),
            "none",
            "file with the password; none = " + VARIABLE + ", or stdin");
  }

  /** Returns it, as it was given but for a newline at the end. */
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
