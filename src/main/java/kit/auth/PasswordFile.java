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
 * Verifies passwords against a file of slow, salted hashes (PBKDF2).
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
 * <p>One line per user; empty lines and lines that begin with {@code #} are ignored:
 *
 * <pre>
 *   name:pbkdf2-sha256:iterations:salt:hash
 *   jerry:pbkdf2-sha256:600000:fn9ECgPwMx5IHZ4dtvAe8Q==:hS2aiy...=
 * </pre>
 *
 * <p>Salt and hash are base64; the hash is PBKDF2 with HMAC-SHA256 of the password in UTF-8, 32
 * bytes. Names and passwords are compared in Unicode's form NFC, so that composed and decomposed
 * characters such as "&auml;" are equal. An unknown name takes as long as a known one, so that
 * timing does not reveal which names exist.
 *
 * <h2>Errors</h2>
 *
 * <p>A malformed file is an {@link IllegalArgumentException} that names the file and the line
 * number, without quoting the line.
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
 * <p>Source: RFC 8018 (PBKDF2); RFC 7617, 2.1 and RFC 8265 (NFC); the iterations are those of
 * OWASP's Password Storage Cheat Sheet.
 */
public final class PasswordFile {
  private static final String SCHEME = "pbkdf2-sha256";
  private static final int ITERATIONS = 600_000;
  private static final int MAX_ITERATIONS = 10_000_000; // A few seconds per password.
  private static final int SALT_BYTES = 16; // NIST SP 800-132, 5.1
  // The output of SHA-256; more would slow down only the server.
  private static final int HASH_BYTES = 32;
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
   * @throws IllegalArgumentException if a line is malformed, or there is none
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
        require(entries.put(normal(match.group(1)), entry) == null, "duplicate name");
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
   * Returns the line of a user.
   *
   * @param random generates the salt
   * @throws IllegalArgumentException if the name is empty or longer than 100 characters, begins
   *     with {@code #}, has a colon or control characters; or if the password is empty or has a
   *     lone surrogate, which UTF-8 cannot encode
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

  /** Returns whether {@code password} is that of {@code user}, in constant time. */
  public boolean verify(String user, String password) {
    String name = normal(user);
    // Users may have different iteration counts, so an unknown name is verified as one of them,
    // always the same one.
    Entry decoy = decoys.get(Math.floorMod(name.hashCode() ^ disguise, decoys.size()));
    Entry entry = entries.getOrDefault(name, decoy);
    byte[] hash = hash(password, entry.salt, entry.iterations);
    return MessageDigest.isEqual(hash, entry.hash)
        & entries.containsKey(name)
        & !isBroken(password); // It would hash like the password with question marks.
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
