// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.spec.SecretKeySpec;

/**
 * Reads keys for signing and verifying tokens from a file: PEM (RSA, EC) or an HMAC secret.
 *
 * <pre>{@code
 * KeyFile file = KeyFile.read(Path.of("jwt.key"));
 * file.verifying(); // a SecretKey or a PublicKey
 * file.signing(); // a SecretKey, a PrivateKey or nothing
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <ul>
 *   <li><b>PEM</b>, as OpenSSL writes it: {@code PRIVATE KEY} (PKCS #8), {@code PUBLIC KEY}
 *       (X.509's SubjectPublicKeyInfo), or both, RSA or EC. From a private key alone the public one
 *       is derived.
 *   <li><b>Any other content</b> is a secret for HMAC, byte for byte, without one newline at the
 *       end. It should be random, not a password: {@code openssl rand -base64 48}.
 * </ul>
 *
 * <p>PEM is never used as a secret: a service that used the text of a public key as an HMAC secret
 * would accept tokens that any client can forge.
 *
 * <h2>Errors</h2>
 *
 * <p>A file without a usable key is an {@link IllegalArgumentException} that names the file and
 * shows nothing of its content.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable. Reading a key pair creates and verifies one signature, to check that the keys
 * match.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: RFC 7468 (PEM), RFC 5208 (PKCS #8), RFC 5915 (EC private keys).
 */
public final class KeyFile {
  private static final int MAX_BYTES = 1 << 16; // RSA of 16,384 bits is 13 KB.
  private static final String BEGIN = "-----BEGIN ";
  private static final Pattern BLOCK =
      Pattern.compile(BEGIN + "([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\\s]*+)-----END \\1-----");

  private final Optional<Key> signing; // Empty if there is a public key only.
  private final Key verifying;

  private KeyFile(Optional<Key> signing, Key verifying) {
    this.signing = signing;
    this.verifying = verifying;
  }

  /**
   * Reads one file.
   *
   * @throws IOException if it cannot be read
   * @throws IllegalArgumentException if it has no key, or one of an unsupported kind
   */
  public static KeyFile read(Path file) throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    }
    try {
      require(bytes.length <= MAX_BYTES, "longer than " + MAX_BYTES + " bytes");
      String text = new String(bytes, ISO_8859_1); // Byte for byte.
      return text.contains(BEGIN) ? pem(text) : secret(text.replaceFirst("\\r?\\n\\z", ""));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  /** Returns the secret or the private key, if there is one. */
  public Optional<Key> signing() {
    return signing;
  }

  /** Returns the secret or the public key. */
  public Key verifying() {
    return verifying;
  }

  private static KeyFile secret(String text) {
    require(!text.isEmpty(), "empty");
    Key key = new SecretKeySpec(text.getBytes(ISO_8859_1), "HMAC");
    return new KeyFile(Optional.of(key), key);
  }

  private static KeyFile pem(String text) {
    PrivateKey privateKey = null;
    PublicKey publicKey = null;
    byte[] der = {};
    for (Matcher block = BLOCK.matcher(text); block.find(); ) {
      byte[] bytes = Base64.getMimeDecoder().decode(block.group(2));
      String label = block.group(1);
      if (label.equals("PRIVATE KEY") && privateKey == null) {
        der = bytes;
        privateKey = key(factory -> factory.generatePrivate(new PKCS8EncodedKeySpec(bytes)));
      } else if (label.equals("PUBLIC KEY") && publicKey == null) {
        publicKey = key(factory -> factory.generatePublic(new X509EncodedKeySpec(bytes)));
      } else {
        throw new IllegalArgumentException(
            "not one PRIVATE KEY or PUBLIC KEY, but " + label + "; try openssl pkey -in FILE");
      }
    }
    require(privateKey != null || publicKey != null, "PEM, but no whole key");
    if (privateKey == null) {
      return new KeyFile(Optional.empty(), publicKey);
    }
    publicKey = publicKey != null ? publicKey : publicKeyOf(privateKey, der);
    require(isPair(privateKey, publicKey), "the private and the public key do not match");
    return new KeyFile(Optional.of(privateKey), publicKey);
  }

  private interface FromFactory<K> {
    K make(KeyFactory factory) throws GeneralSecurityException;
  }

  private static <K extends Key> K key(FromFactory<K> maker) {
    for (String type : List.of("RSA", "EC")) {
      try {
        return maker.make(KeyFactory.getInstance(type));
      } catch (InvalidKeySpecException e) {
        // Of the other type, or unsupported.
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this JDK has no " + type + " keys", e);
      }
    }
    throw new IllegalArgumentException("PEM, but not of an RSA or EC key");
  }

  private static PublicKey publicKeyOf(PrivateKey key, byte[] der) {
    if (key instanceof RSAPrivateCrtKey rsa) {
      var spec = new RSAPublicKeySpec(rsa.getModulus(), rsa.getPublicExponent());
      return key(factory -> factory.generatePublic(spec));
    }
    // The JDK cannot derive it. In RFC 5915 the public key is the optional last member: a bit
    // string (3) of 2n + 2 bytes without unused bits (0), uncompressed (4), x, y.
    require(key instanceof ECPrivateKey, "a private key whose public key cannot be derived");
    ECPrivateKey ec = (ECPrivateKey) key;
    int n = (ec.getParams().getCurve().getField().getFieldSize() + 7) / 8;
    int x = der.length - 2 * n;
    byte[] mark = {3, (byte) (2 * n + 2), 0, 4};
    boolean isThere = x > mark.length && Arrays.equals(mark, 0, 4, der, x - mark.length, x);
    require(
        isThere, "no PUBLIC KEY beside the private one; openssl pkey -in FILE -pubout makes it");
    ECPoint point =
        new ECPoint(
            new BigInteger(1, Arrays.copyOfRange(der, x, x + n)),
            new BigInteger(1, Arrays.copyOfRange(der, x + n, der.length)));
    return key(factory -> factory.generatePublic(new ECPublicKeySpec(point, ec.getParams())));
  }

  private static boolean isPair(PrivateKey privateKey, PublicKey publicKey) {
    if (!privateKey.getAlgorithm().equals(publicKey.getAlgorithm())) {
      return false;
    }
    try {
      byte[] probe = "a probe".getBytes(UTF_8);
      String algorithm = privateKey.getAlgorithm().equals("RSA") ? "RSA" : "ECDSA";
      Signature signature = Signature.getInstance("SHA256with" + algorithm);
      signature.initSign(privateKey);
      signature.update(probe);
      byte[] signed = signature.sign();
      signature.initVerify(publicKey);
      signature.update(probe);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false; // Different sizes or curves, for instance.
    }
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
