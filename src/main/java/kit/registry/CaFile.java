// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A file with the certificates, in PEM, of those who may vouch for a server. */
final class CaFile {
  private CaFile() {}

  /**
   * Returns the TLS of a client that trusts the certificates in {@code file}, and no others. That the
   * server's name is in its certificate is checked as ever.
   *
   * @throws IOException if the file cannot be read, or holds no certificate
   */
  static SSLContext trusting(Path file) throws IOException {
    try (InputStream pem = Files.newInputStream(file)) {
      KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null); // Empty.
      for (Certificate ca : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
        trusted.setCertificateEntry("ca-" + trusted.size(), ca);
      }
      if (trusted.size() == 0) {
        throw new IOException("no certificate in " + file);
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (NoSuchFileException e) {
      throw new IOException("no such file: " + file, e);
    } catch (GeneralSecurityException e) {
      throw new IOException("no certificates in PEM: " + file, e);
    }
  }
}
