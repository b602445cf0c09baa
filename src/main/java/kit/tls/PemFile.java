// SPDX-License-Identifier: Apache-2.0
package kit.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads certificates and a private key from a PEM file, as OpenSSL and certificate authorities write
 * it.
 *
 * <pre>{@code
 * List<X509Certificate> chain = PemFile.read(Path.of("tls.crt")).certificates();
 * PrivateKey key = PemFile.read(Path.of("tls.key")).privateKey();
 * }</pre>
 *
 * <p>A key is {@code PRIVATE KEY} (PKCS #8), {@code RSA PRIVATE KEY} (PKCS #1) or {@code EC PRIVATE
 * KEY} (SEC 1), of RSA, EC or EdDSA. A file may hold both, certificates and the key; text between
 * the blocks is ignored.
 *
 * <p>Errors are an {@link IOException} with the file and the reason in one line, never with a part of
 * the content. A file is at most 1 MiB.
 *
 * <p>Immutable.
 *
 * <p>Source: RFC 7468 (PEM), RFC 5958 (PKCS #8), RFC 8017 (PKCS #1), RFC 5915 (EC private keys).
 */
public final class PemFile {
  private static final int MAX_BYTES =
      1 << 20; // The CA certificates of an operating system: 220 KB.
  private static final String BEGIN = "-----BEGIN ";
  private static final Pattern BLOCK =
      Pattern.compile(BEGIN + "([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\\s]*+)-----END \\1-----");
  private static final Pattern ENCRYPTED =
      Pattern.compile(BEGIN + "ENCRYPTED PRIVATE KEY-----|\nProc-Type: 4,ENCRYPTED");

  private static final byte[] RSA_ALGORITHM = {
    0x30, 13, 6, 9, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 13, 1, 1, 1, 5, 0
  };
  private static final byte[] EC_OID = {6, 7, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 2, 1};
  private static final byte[] VERSION_0 = {2, 1, 0};
  private static final int SEQUENCE = 0x30;
  private static final int INTEGER = 2;
  private static final int OCTETS = 4;
  private static final int PARAMETERS = 0xa0;

  private record Block(String label, byte[] der) {}

  private final Path file;
  private final byte[] bytes;

  private PemFile(Path file, byte[] bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  /**
   * Reads a file, without parsing it yet.
   *
   * @throws IOException if it is absent, unreadable, a directory, empty or too large
   */
  public static PemFile read(Path file) throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      String what = Files.isDirectory(file) ? "is a directory" : "is not a regular file";
      throw failure(file, what); // Reading a pipe might never end.
    }
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    } catch (NoSuchFileException e) { // The message of either is the path alone.
      throw failure(file, "no such file");
    } catch (AccessDeniedException e) {
      throw failure(file, "permission denied");
    } catch (IOException e) {
      throw failure(file, "cannot be read: " + e.getMessage());
    }
    if (bytes.length > MAX_BYTES) {
      throw failure(file, "larger than 1 MiB");
    }
    if (new String(bytes, StandardCharsets.ISO_8859_1).isBlank()) {
      throw failure(file, "empty");
    }
    return new PemFile(file, bytes);
  }

  /** Returns a hash of the content, to find out whether the file has changed. */
  public byte[] digest() {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /**
   * Returns the certificates in the order of the file: at least one.
   *
   * @throws IOException if there is none, or one is malformed
   */
  public List<X509Certificate> certificates() throws IOException {
    List<X509Certificate> certificates = new ArrayList<>();
    for (Block block : blocks("openssl x509 -inform DER")) {
      if (block.label.equals("CERTIFICATE")) {
        certificates.add(certificate(block.der, certificates.size() + 1));
      }
    }
    if (certificates.isEmpty()) {
      throw failure(file, "no certificate (BEGIN CERTIFICATE)");
    }
    return List.copyOf(certificates);
  }

  private X509Certificate certificate(byte[] der, int number) throws IOException {
    try {
      ByteArrayInputStream in = new ByteArrayInputStream(der);
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    } catch (CertificateException e) {
      throw failure(file, "certificate " + number + " is malformed");
    }
  }

  /**
   * Returns the private key.
   *
   * @throws IOException if there is none, more than one, or one that is encrypted, malformed or of
   *     an unsupported kind
   */
  public PrivateKey privateKey() throws IOException {
    if (ENCRYPTED.matcher(text()).find()) {
      String command = "openssl pkey -in " + name(file) + " -out NEW_FILE";
      throw failure(file, "the private key is encrypted; decrypt it with: " + command);
    }
    byte[] pkcs8 = null;
    for (Block block : blocks("openssl pkey -inform DER")) {
      if (!block.label.endsWith("PRIVATE KEY")) {
        continue;
      }
      if (pkcs8 != null) {
        throw failure(file, "more than one private key");
      }
      pkcs8 = pkcs8(block);
    }
    if (pkcs8 == null) {
      throw failure(file, "no private key (BEGIN PRIVATE KEY)");
    }
    return key(pkcs8);
  }

  private byte[] pkcs8(Block block) throws IOException {
    switch (block.label) {
      case "PRIVATE KEY":
        return block.der;
      case "RSA PRIVATE KEY":
        return der(SEQUENCE, VERSION_0, RSA_ALGORITHM, der(OCTETS, block.der));
      case "EC PRIVATE KEY":
        byte[] algorithm = der(SEQUENCE, EC_OID, curve(block.der));
        return der(SEQUENCE, VERSION_0, algorithm, der(OCTETS, block.der));
      default:
        throw failure(file, "unsupported kind of private key: " + block.label);
    }
  }

  /** Returns the parameters of the curve in an ECPrivateKey: version, key, [0] parameters. */
  private byte[] curve(byte[] ecPrivateKey) throws IOException {
    try {
      Der key = new Der(ecPrivateKey).enter(SEQUENCE);
      key.enter(INTEGER);
      key.enter(OCTETS);
      return key.enter(PARAMETERS).rest();
    } catch (IndexOutOfBoundsException e) {
      throw failure(file, "the EC private key is malformed, or names no curve");
    }
  }

  private PrivateKey key(byte[] pkcs8) throws IOException {
    PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(pkcs8);
    for (String type : List.of("RSA", "EC", "EdDSA")) {
      try {
        return KeyFactory.getInstance(type).generatePrivate(spec);
      } catch (InvalidKeySpecException e) {
        // Of another type, or malformed.
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this JDK has no " + type + " keys", e);
      }
    }
    throw failure(file, "the private key is malformed, or not of RSA, EC or EdDSA");
  }

  private List<Block> blocks(String converter) throws IOException {
    String text = text();
    List<Block> blocks = new ArrayList<>();
    int end = 0;
    for (Matcher block = BLOCK.matcher(text); block.find(); end = block.end()) {
      checkBetween(text.substring(end, block.start()));
      try {
        byte[] der = Base64.getMimeDecoder().decode(block.group(2));
        blocks.add(new Block(block.group(1), der));
      } catch (IllegalArgumentException e) {
        throw failure(file, "block " + (blocks.size() + 1) + " is not Base64");
      }
    }
    checkBetween(text.substring(end));
    if (blocks.isEmpty()) {
      String command = converter + " -in " + name(file) + " -out NEW_FILE";
      throw failure(file, "not PEM; if it is DER, convert it with: " + command);
    }
    return blocks;
  }

  private void checkBetween(String text) throws IOException {
    if (text.contains(BEGIN)) {
      throw failure(file, "a block is incomplete or malformed");
    }
  }

  private String text() {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** Returns what names a file in a message: one line, whatever its name. */
  static String name(Path file) {
    return printable(file.toString());
  }

  /** Returns a text with a question mark for each character that a terminal may interpret. */
  static String printable(String text) {
    return text.replaceAll("[\\p{C}\\p{Zl}\\p{Zp}]", "?");
  }

  static IOException failure(Path file, String reason) {
    return new IOException(name(file) + ": " + reason);
  }

  /** Returns the name of the file, and nothing of its content. */
  @Override
  public String toString() {
    return name(file);
  }

  /** Encodes a value in DER. */
  private static byte[] der(int tag, byte[]... parts) {
    int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
    int lengthBytes = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
    byte[] all = new byte[2 + lengthBytes + length];
    all[0] = (byte) tag;
    all[1] = (byte) (lengthBytes == 0 ? length : 0x80 | lengthBytes);
    for (int i = 0; i < lengthBytes; i++) {
      all[2 + i] = (byte) (length >> 8 * (lengthBytes - 1 - i));
    }
    int at = 2 + lengthBytes;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  /** Reads values in DER, one after the other. */
  private static final class Der {
    private final byte[] bytes;
    private int at;

    Der(byte[] bytes) {
      this.bytes = bytes;
    }

    /** Returns the content of the next value, which has this tag. */
    Der enter(int tag) {
      if ((bytes[at] & 0xff) != tag) {
        throw new IndexOutOfBoundsException("not the tag " + tag);
      }
      int length = bytes[at + 1] & 0xff;
      at += 2;
      if (length >= 0x80) {
        int lengthBytes = Math.min(length - 0x80, 3);
        length = 0;
        for (int i = 0; i < lengthBytes; i++) {
          length = length << 8 | bytes[at++] & 0xff;
        }
      }
      if (length > bytes.length - at) {
        throw new IndexOutOfBoundsException("longer than its frame");
      }
      at += length;
      return new Der(Arrays.copyOfRange(bytes, at - length, at));
    }

    byte[] rest() {
      return Arrays.copyOfRange(bytes, at, bytes.length);
    }
  }
}
