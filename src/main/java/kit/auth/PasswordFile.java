// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.text.Normalizer;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/**
 * Knows users by their passwords without knowing the passwords: a file of slow, salted hashes.
 *
 * <pre>{@code
 * System.out.println(PasswordFile.line("jerry", password, new SecureRandom()));
 *
 * PasswordFile users = PasswordFile.read(Path.of("users"));
 * users.verify("jerry", "secret");
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A line is a user; empty lines and lines that begin with {@code #} are not looked at:
 *
 * <pre>
 *   name:pbkdf2-sha256:iterations:salt:hash
 *   jerry:pbkdf2-sha256:600000:fn9ECgPwMx5IHZ4dtvAe8Q==:hS2aiy...=
 * </pre>
 *
 * <p>Salt and hash are base64; the hash is PBKDF2 with HMAC-SHA256 of the password in UTF-8, 32 bytes.
 * Names and passwords are compared in Unicode's form NFC, so that it does not matter whether a
 * keyboard composes an "&auml;" or sends a letter and two dots.
 * A name that is not in the file costs as much as one that is, so that the time to answer does
 * not show which names there are.
 *
 * <h2>Errors</h2>
 *
 * <p>What is wrong in the file is an {@link IllegalArgumentException} that names the file and the
 * line's number, and quotes nothing.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable. {@link #verify} is slow on purpose, some 0.4 seconds of a core with the 600,000
 * iterations of {@link #line}: put a rate limit before it.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: RFC 8018 (PBKDF2); RFC 7617, 2.1 and RFC 8265 (NFC); the iterations are those of OWASP's Password Storage Cheat Sheet.
 */
public final class PasswordFile {
  private static final String SCHEME = "pbkdf2-sha256";
  private static final int ITERATIONS = 600_000;
  private static final int MAX_ITERATIONS = 10_000_000; // Some seconds, for one guess.
  private static final int SALT_BYTES = 16; // NIST SP 800-132, 5.1
  private static final int HASH_BYTES = 32; // What SHA-256 gives; more costs only us.
  private static final Pattern NAME =
      Pattern.compile("[^:#\\p{C}\\p{Zl}\\p{Zp}][^:\\p{C}\\p{Zl}\\p{Zp}]{0,99}");
  private static final Pattern LINE =
      Pattern.compile("(" + NAME + "):" + SCHEME + ":([0-9]{1,8}):([^:]*):([^:]*)");

  private final Map<String, Entry> entries;
  private final List<Entry> decoys;
  private final int disguise = new SecureRandom().nextInt();

  private record Entry(int iterations, byte[] salt, byte[] hash) {}

  private PasswordFile(Map<String, Entry> entries) {
    this.entries = entries;
    this.decoys = List.copyOf(entries.values());
  }

  /**
   * Reads a file of at least one user.
   *
   * @throws IOException if it cannot be read, or is not UTF-8
   * @throws IllegalArgumentException if a line is wrong, or there is none
   */
  public static PasswordFile read(Path file) throws IOException {
    Map<String, Entry> entries = new LinkedHashMap<>();
    List<String> lines = Files.readAllLines(file);
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      String place = file + ", line " + (i + 1) + ": ";
      Matcher match = LINE.matcher(line);
      require(match.matches(), place + "not name:" + SCHEME + ":iterations:salt:hash");
      try {
        Entry entry = entry(match.group(2), match.group(3), match.group(4));
        require(entries.put(normal(match.group(1)), entry) == null, "the name is there twice");
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(place + e.getMessage(), e);
      }
    }
    require(!entries.isEmpty(), file + ": no users");
    return new PasswordFile(entries);
  }

  private static Entry entry(String iterations, String salt, String hash) {
    int count = Integer.parseInt(iterations);
    require(count >= 1 && count <= MAX_ITERATIONS, "iterations not in 1.." + MAX_ITERATIONS);
    Entry entry = new Entry(count, base64("salt", salt), base64("hash", hash));
    require(entry.salt.length > 0, "no salt");
    require(entry.hash.length == HASH_BYTES, "hash not of " + HASH_BYTES + " bytes");
    return entry;
  }

  /**
   * Returns the line for a user.
   *
   * @param random makes the salt
   * @throws IllegalArgumentException if the name is empty or longer than 100 characters, begins with
   *     {@code #}, has a colon or control characters; or if the password is empty or has half a
   *     character in it, which UTF-8 cannot encode
   */
  public static String line(String name, String password, SecureRandom random) {
    return line(name, password, random, ITERATIONS);
  }

  static String line(String name, String password, SecureRandom random, int iterations) {
    require(NAME.matcher(name).matches(), "name empty, too long, or with characters not allowed");
    require(!password.isEmpty(), "the password is empty");
    require(!isBroken(password), "half a character (a lone surrogate) in the password");
    byte[] salt = new byte[SALT_BYTES];
    random.nextBytes(salt);
    byte[] hash = hash(password, salt, iterations);
    Base64.Encoder base64 = Base64.getEncoder();
    return String.join(
        ":",
        normal(name),
        SCHEME,
        Integer.toString(iterations),
        base64.encodeToString(salt),
        base64.encodeToString(hash));
  }

  /** Returns whether this is the password of that user, in the same time either way. */
  public boolean verify(String user, String password) {
    String name = normal(user);
    // Users may have different counts, so a name that is not there passes for one of them, and
    // always for the same.
    Entry decoy = decoys.get(Math.floorMod(name.hashCode() ^ disguise, decoys.size()));
    Entry entry = entries.getOrDefault(name, decoy);
    byte[] hash = hash(password, entry.salt, entry.iterations);
    return MessageDigest.isEqual(hash, entry.hash)
        & entries.containsKey(name)
        & !isBroken(password); // Its hash is that of the password with question marks.
  }

  private static String normal(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFC);
  }

  private static boolean isBroken(String text) {
    return text.codePoints().anyMatch(c -> Character.getType(c) == Character.SURROGATE);
  }

  private static byte[] hash(String password, byte[] salt, int iterations) {
    char[] chars = normal(password).toCharArray();
    PBEKeySpec spec = new PBEKeySpec(chars, salt, iterations, HASH_BYTES * 8);
    try {
      return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(spec).getEncoded();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JDK has no PBKDF2", e);
    } finally {
      spec.clearPassword();
    }
  }

  private static byte[] base64(String what, String text) {
    try {
      return Base64.getDecoder().decode(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(what + " is not base64"); // Without the cause: it quotes.
    }
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
