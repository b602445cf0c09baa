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
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import kit.cli.Flags;
import kit.http.client.LazyTls;

/**
 * CA certificates in a PEM file, named by a flag or by a variable of the registry's own tools.
 *
 * @param flag with dashes
 * @param file the value of the flag
 * @param variable is read if the flag is not given
 */
record CaFile(
    String flag, Optional<String> file, String variable, Map<String, String> environment) {
  /** The type of a flag that names a file or is "none". */
  static final Flags.Type<Optional<String>> PATH =
      new Flags.Type<>("FILE", "a file", path -> path).or("none");

  /**
   * Returns a TLS context that trusts the certificates in the file, or Java's default trust store if
   * there is no file.
   *
   * @param tlsForm the form of the URIs that allow the flag
   * @throws Flags.UsageException if the file cannot be read, or holds no certificate
   */
  SSLContext context(boolean withTls, String tlsForm) {
    if (file.isPresent() && !withTls) {
      throw new Flags.UsageException(flag + ": the registry is not " + tlsForm);
    }
    String name = file.isPresent() ? flag : variable;
    String path = file.orElseGet(() -> environment.getOrDefault(variable, ""));
    if (!withTls || Flags.decoded(name, path).isBlank()) {
      return LazyTls.context();
    }
    try {
      return trusting(Path.of(path));
    } catch (IOException e) {
      throw new Flags.UsageException(name + ": " + e.getMessage());
    }
  }

  /**
   * Returns a TLS context that trusts only the certificates in {@code file}. Host names are verified.
   *
   * @throws IOException if the file cannot be read, or holds no certificate
   */
  private static SSLContext trusting(Path file) throws IOException {
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
