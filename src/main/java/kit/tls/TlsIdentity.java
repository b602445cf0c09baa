// SPDX-License-Identifier: Apache-2.0
package kit.tls;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * Private key with the chain of certificates that belongs to it: what a server, or a client under
 * mutual TLS, proves itself with.
 *
 * <p>Immutable.
 *
 * @param key the private key
 * @param chain its certificate first, then the one that issued it, and so on; the root may be absent
 */
record TlsIdentity(PrivateKey key, List<X509Certificate> chain) {
  TlsIdentity {
    requireNonNull(key, "key");
    chain = List.copyOf(chain);
  }

  /**
   * Reads an identity from two files, which may be the same.
   *
   * @throws IOException with the file and the reason, if one of them cannot be used, they do not belong
   *     together, the chain is not in order, or a certificate is not valid at this time
   */
  static TlsIdentity of(Path certificateFile, PemFile certificates, PemFile key, Instant now)
      throws IOException {
    TlsIdentity identity = new TlsIdentity(key.privateKey(), certificates.certificates());
    identity.checkPair(certificateFile, key);
    identity.checkOrder(certificateFile);
    for (int i = 0; i < identity.chain.size(); i++) {
      checkValidity(certificateFile, identity.chain.get(i), i + 1, now);
    }
    return identity;
  }

  private void checkPair(Path file, PemFile keyFile) throws IOException {
    for (int i = 0; i < chain.size(); i++) {
      if (isOf(chain.get(i).getPublicKey())) {
        if (i == 0) {
          return;
        }
        throw PemFile.failure(
            file,
            "the chain is in the wrong order: the private key in %s belongs to certificate %d (%s), which must be the first"
                .formatted(keyFile, i + 1, subject(chain.get(i))));
      }
    }
    throw PemFile.failure(
        file,
        "the private key in %s does not belong to the certificate (%s)"
            .formatted(keyFile, subject(chain.get(0))));
  }

  private void checkOrder(Path file) throws IOException {
    for (int i = 1; i < chain.size(); i++) {
      X509Certificate issued = chain.get(i - 1);
      X509Certificate issuer = chain.get(i);
      if (!hasIssued(issuer, issued)) {
        throw PemFile.failure(
            file,
            "the chain is in the wrong order: certificate %d (%s) did not issue certificate %d (%s)"
                .formatted(i + 1, subject(issuer), i, subject(issued)));
      }
    }
  }

  private static boolean hasIssued(X509Certificate issuer, X509Certificate issued) {
    if (!issued.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) {
      return false;
    }
    try {
      issued.verify(issuer.getPublicKey());
      return true;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /**
   * Checks that a certificate is valid at a time.
   *
   * @param number its position in the file, from 1
   */
  static void checkValidity(Path file, X509Certificate certificate, int number, Instant now)
      throws IOException {
    Instant begin = certificate.getNotBefore().toInstant();
    Instant end = certificate.getNotAfter().toInstant();
    String what = "certificate " + number + " (" + subject(certificate) + ") ";
    if (now.isBefore(begin)) {
      throw PemFile.failure(file, what + "is not valid before " + begin);
    }
    if (now.isAfter(end)) {
      throw PemFile.failure(file, what + "expired at " + end);
    }
  }

  /** Returns when the first certificate of the chain expires. */
  Instant expiresAt() {
    return chain.stream()
        .map(certificate -> certificate.getNotAfter().toInstant())
        .min(Instant::compareTo)
        .orElseThrow();
  }

  private static String subject(X509Certificate certificate) {
    return PemFile.printable(certificate.getSubjectX500Principal().getName());
  }

  /** Returns whether the private key belongs to this public one. */
  private boolean isOf(PublicKey publicKey) {
    try {
      byte[] probe = {1, 2, 3};
      Signature signature = Signature.getInstance(algorithm());
      signature.initSign(key);
      signature.update(probe);
      byte[] signed = signature.sign();
      signature.initVerify(publicKey);
      signature.update(probe);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false; // Of another type, size or curve.
    }
  }

  private String algorithm() {
    return switch (key.getAlgorithm()) {
      case "RSA" -> "SHA256withRSA";
      case "EC" -> "SHA256withECDSA";
      default -> key.getAlgorithm();
    };
  }

  /** Returns the subject; never the key. */
  @Override
  public String toString() {
    return "TlsIdentity[" + subject(chain.get(0)) + "]";
  }
}
