// SPDX-License-Identifier: Apache-2.0
package testing;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A self-signed certificate for a server at 127.0.0.1, made by the JDK's keytool.
 *
 * @param pem the file with the certificate, which is also its authority
 * @param keyPem the file with its private key
 * @param serverTls what a server with this certificate needs
 */
public record TestCertificate(Path pem, Path keyPem, SSLContext serverTls) {
  private static final String PASSWORD = "not secret";

  /** Makes one, with its files in {@code folder}. */
  public static TestCertificate in(Path folder)
      throws IOException, InterruptedException, GeneralSecurityException {
    Path store = folder.resolve("store.p12");
    keytool(
        folder, "-genkeypair -keyalg EC -alias server -dname CN=test -ext san=ip:127.0.0.1", store);
    char[] password = PASSWORD.toCharArray();
    KeyStore keys = KeyStore.getInstance(store.toFile(), password);
    KeyManagerFactory manager = KeyManagerFactory.getInstance("PKIX");
    manager.init(keys, password);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(manager.getKeyManagers(), null, null);
    return new TestCertificate(
        write(folder, "CERTIFICATE", keys.getCertificate("server").getEncoded()),
        write(folder, "PRIVATE KEY", keys.getKey("server", password).getEncoded()),
        tls);
  }

  /** Returns what a client needs that trusts this certificate, and no other. */
  public static SSLContext trusting(Path pem) throws IOException, GeneralSecurityException {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    try (InputStream in = Files.newInputStream(pem)) {
      trusted.load(null, null); // Empty.
      trusted.setCertificateEntry(
          "server", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    return tls;
  }

  private static void keytool(Path folder, String arguments, Path store)
      throws IOException, InterruptedException {
    String command = System.getProperty("java.home") + "/bin/keytool " + arguments;
    ProcessBuilder keytool = new ProcessBuilder(command.split(" "));
    keytool.command().addAll(List.of("-keystore", store.toString()));
    keytool.command().addAll(List.of("-storepass", PASSWORD));
    File log = folder.resolve("keytool.log").toFile();
    Process process = keytool.redirectErrorStream(true).redirectOutput(log).start();
    if (process.waitFor() != 0) {
      throw new IOException(Files.readString(log.toPath()));
    }
  }

  private static Path write(Path folder, String what, byte[] bytes) throws IOException {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
    String pem = "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
    return Files.writeString(folder.resolve(what.replace(' ', '-') + ".pem"), pem);
  }
}
