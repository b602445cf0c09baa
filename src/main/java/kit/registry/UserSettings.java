// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import kit.cli.FlagFile;
import kit.cli.Flags;

/**
 * The flags {@code --KIND-user} and {@code --KIND-user-file} of a registry. Messages never show a
 * password.
 *
 * @param kind the prefix of the flags, such as {@code etcd}
 * @param user the value of {@code --KIND-user}
 * @param file the value of {@code --KIND-user-file}
 */
record UserSettings(String kind, Optional<String> user, Optional<Path> file) {
  /** User and password; both are empty without a user. */
  record Credentials(String name, String password) {
    boolean isPresent() {
      return !name.isEmpty();
    }
  }

  /** Returns settings without flags. */
  static UserSettings none(String kind) {
    return new UserSettings(kind, Optional.empty(), Optional.empty());
  }

  /** Declares the flags; {@code product} is the name of the registry in their help. */
  static Supplier<UserSettings> declare(Flags flags, String kind, String product) {
    Supplier<Optional<String>> user =
        flags.secret(
            kind + "-user",
            Flags.TEXT.or("none"),
            "none",
            product + " name:password; prefer the file");
    Supplier<Optional<Path>> file =
        flags.optional(
            kind + "-user-file",
            FlagFile.TYPE.or("none"),
            "none",
            "file with the " + product + " name:password");
    return () -> new UserSettings(kind, user.get(), file.get());
  }

  /**
   * Returns the credentials: from the URI, else from a flag, else from the variable of the registry's own
   * tools.
   *
   * @param userInfo the user info of the URI, still encoded
   * @param variable the value of the variable; empty if there is none
   * @throws Flags.UsageException if the credentials are malformed or given twice
   * @throws IllegalArgumentException if the user info is malformed
   */
  Credentials resolve(Optional<String> userInfo, String variableName, String variable) {
    String flag = "--" + kind + "-user";
    String fileFlag = flag + "-file";
    if (user.isPresent() && file.isPresent()) {
      throw new Flags.UsageException(flag + " and " + fileFlag + ": only one of them is allowed");
    }
    if (userInfo.isPresent()) {
      return credentials("--registry", decoded(userInfo.get()));
    }
    if (user.isPresent()) {
      return credentials(flag, user.get());
    }
    if (file.isPresent()) {
      String content = FlagFile.read(fileFlag, file.get(), Files::readString);
      return credentials(fileFlag, content.strip());
    }
    String fromTools = Flags.decoded(variableName, variable);
    return fromTools.isEmpty() ? new Credentials("", "") : credentials(variableName, fromTools);
  }

  /** As above, for a registry whose tools have no variable. */
  Credentials resolve(Optional<String> userInfo) {
    return resolve(userInfo, "", "");
  }

  /** The message does not show the password. */
  private static Credentials credentials(String source, String user) {
    if (!user.matches("(?s)[^:]+:.+")) {
      throw new Flags.UsageException(source + ": not name:password");
    }
    int colon = user.indexOf(':'); // A password may have one, a name may not.
    return new Credentials(user.substring(0, colon), user.substring(colon + 1));
  }

  private static String decoded(String userInfo) {
    String decoded = "\ufffd"; // The decoder's replacement for bytes that are not UTF-8.
    try {
      decoded = URLDecoder.decode(userInfo.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      // Malformed; the exception is not a cause, because it quotes the password.
    }
    if (decoded.indexOf('\ufffd') >= 0) {
      throw new IllegalArgumentException("user info is not percent-encoded UTF-8");
    }
    return decoded;
  }
}
