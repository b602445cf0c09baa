// SPDX-License-Identifier: Apache-2.0
package testing;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import kit.tls.PemFile;
import kit.tls.ReloadingTls;

/** TLS contexts of the certificates in {@code src/test/resources/kit/tls}, which make.sh describes. */
public final class TlsFiles {
  private static final Path FOLDER = Path.of("src/test/resources/kit/tls");
  private static final char[] PASSWORD = "in memory".toCharArray();

  private TlsFiles() {}

  /** Returns a file by its name. */
  public static Path path(String name) {
    return FOLDER.resolve(name);
  }

  /** Returns the name of a file, as the value of a flag. */
  public static String file(String name) {
    return path(name).toString();
  }

  /** Returns the context of a server, which may have a certificate that is not valid. */
  public static SSLContext server(String certificate) throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(null, null); // Empty.
    keys.setKeyEntry(
        "server",
        PemFile.read(path("server.key")).privateKey(),
        PASSWORD,
        PemFile.read(path(certificate)).certificates().toArray(new Certificate[0]));
    KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
    factory.init(keys, PASSWORD);
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(factory.getKeyManagers(), null, null);
    return tls;
  }

  /** Returns the context of a server that requires a certificate of {@code ca.crt}. */
  public static SSLContext mutualServer() throws IOException {
    return ReloadingTls.forServer(
            path("server.crt"),
            path("server.key"),
            Optional.of(path("ca.crt")),
            InstantSource.system(),
            new Silent())
        .context();
  }

  /** Returns the context of a client; {@code identity} is the name of its files. */
  public static SSLContext client(String ca, Optional<String> identity) throws IOException {
    return ReloadingTls.forClient(
            Optional.of(path(ca)),
            identity.map(name -> path(name + ".crt")),
            identity.map(name -> path(name + ".key")),
            InstantSource.system(),
            new Silent())
        .context();
  }

  private static final class Silent implements ReloadingTls.Listener {
    @Override
    public void reloaded(Optional<Instant> expiresAt) {}

    @Override
    public void failed(String reason) {}

    @Override
    public void expires(Instant at) {}
  }
}
