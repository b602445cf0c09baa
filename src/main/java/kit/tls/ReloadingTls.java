// SPDX-License-Identifier: Apache-2.0
package kit.tls;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyManagementException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * TLS context from PEM files that takes over renewed certificates while it is in use.
 *
 * <pre>{@code
 * ReloadingTls tls = ReloadingTls.forServer(cert, key, Optional.of(clientCa), system(), listener);
 * HttpsServer server = HttpsServer.create(address, 0);
 * server.setHttpsConfigurator(new HttpsConfigurator(tls.context()));
 * tls.start(); // reads the files every 10 seconds, until close()
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>{@link #context} stays the same and delegates to one that is replaced when the content of a file
 * has changed and all files can be used together: a certificate and its key change as a pair or not at
 * all. Otherwise the old ones stay in use, and the listener is told the reason once.
 *
 * <p>New connections use the new files. Open connections are not affected. Sessions of before cannot be
 * resumed: a client whose CA was removed cannot come back with one.
 *
 * <p>A server speaks TLS 1.3, and TLS 1.2 with AEAD cipher suites and forward secrecy only; with CA
 * certificates for clients, it requires a certificate of each (mutual TLS). A client has the protocols
 * of the JDK, and trusts the CA certificates given, or else those of Java's trust store.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. One daemon thread from {@link #start} to {@link #close}, on which the listener is
 * called. It reads each file every 10 seconds, because a modification time can be that of the old file.
 */
public final class ReloadingTls implements AutoCloseable {
  private static final Duration INTERVAL = Duration.ofSeconds(10);
  private static final Duration NOTICE = Duration.ofDays(14);
  private static final Duration REMINDER = Duration.ofDays(1);
  private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};
  private static final char[] PASSWORD = "in memory only".toCharArray(); // Key stores require one.

  /** Is told what happens to the files. Called by one thread at a time; must not throw. */
  public interface Listener {
    /** The files are in use from now on; {@code expiresAt} is empty without a certificate. */
    void reloaded(Optional<Instant> expiresAt);

    /**
     * The files cannot be used, and the old ones stay in use. Called once as long as the reason is the
     * same.
     *
     * @param reason one line with the file
     */
    void failed(String reason);

    /** The certificate in use expires within 14 days, or has expired. Called once a day. */
    void expires(Instant at);
  }

  private record Loaded(
      SSLContext tls, Optional<Instant> expiresAt, boolean hasCa, List<String> digests) {}

  private final Optional<Path> certificate;
  private final Optional<Path> key;
  private final Optional<Path> ca;
  private final boolean isServer;
  private final InstantSource clock;
  private final Listener listener;
  private final SSLContext context = new SSLContext(new Delegating(), null, "TLS") {};
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(ReloadingTls::newThread);

  private volatile Loaded loaded;

  // Confined to the thread that calls check.
  private Optional<String> failure = Optional.empty();
  private Instant notifiedAt = Instant.MIN;

  private ReloadingTls(
      boolean isServer,
      Optional<Path> certificate,
      Optional<Path> key,
      Optional<Path> ca,
      InstantSource clock,
      Listener listener)
      throws IOException {
    if (certificate.isPresent() != key.isPresent()) {
      throw new IllegalArgumentException("a certificate needs its key, and a key its certificate");
    }
    this.isServer = isServer;
    this.certificate = certificate;
    this.key = key;
    this.ca = ca;
    this.clock = requireNonNull(clock, "clock");
    this.listener = requireNonNull(listener, "listener");
    this.loaded = load(read());
  }

  /**
   * Creates the context of a server.
   *
   * @param certificate a file with its certificate, and those of intermediate CAs, in order
   * @param key a file with the private key
   * @param clientCa a file with the CA certificates that clients need a certificate of; empty: clients
   *     need none
   * @param clock for the validity of certificates
   * @throws IOException with the file and the reason, if a file cannot be used
   */
  public static ReloadingTls forServer(
      Path certificate, Path key, Optional<Path> clientCa, InstantSource clock, Listener listener)
      throws IOException {
    return new ReloadingTls(
        true, Optional.of(certificate), Optional.of(key), clientCa, clock, listener);
  }

  /**
   * Creates the context of a client.
   *
   * @param ca a file with the CA certificates of servers; empty: Java's trust store
   * @param certificate a file with the certificate of the client and those of intermediate CAs; empty:
   *     none
   * @param key a file with the private key; present if there is a certificate
   * @param clock for the validity of certificates
   * @throws IOException with the file and the reason, if a file cannot be used
   */
  public static ReloadingTls forClient(
      Optional<Path> ca,
      Optional<Path> certificate,
      Optional<Path> key,
      InstantSource clock,
      Listener listener)
      throws IOException {
    return new ReloadingTls(false, certificate, key, ca, clock, listener);
  }

  private static Thread newThread(Runnable task) {
    Thread thread = new Thread(task, "tls-reload");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Returns the context, whose default parameters are those of this server or client. It applies the
   * files to each connection that is made with it.
   */
  public SSLContext context() {
    return context;
  }

  /** Returns when the certificate in use expires; empty without one. */
  public Optional<Instant> expiresAt() {
    return loaded.expiresAt;
  }

  /** Compares the files with those in use every 10 seconds, until {@link #close}. Called once. */
  public void start() {
    timer.scheduleWithFixedDelay(this::check, 0, INTERVAL.toSeconds(), TimeUnit.SECONDS);
  }

  /** Ends the thread. The context can still be used. */
  @Override
  public void close() {
    timer.shutdownNow();
  }

  /** Compares the files with those in use, and takes them over. */
  void check() {
    try {
      List<Optional<PemFile>> files = read();
      boolean isNew = !loaded.digests.equals(digests(files));
      if (isNew) {
        loaded = load(files);
        notifiedAt = Instant.MIN;
      }
      if (isNew || failure.isPresent()) {
        failure = Optional.empty();
        listener.reloaded(loaded.expiresAt);
      }
    } catch (IOException | RuntimeException e) {
      String reason = PemFile.printable(String.valueOf(e.getMessage()));
      if (!failure.equals(Optional.of(reason))) {
        failure = Optional.of(reason);
        listener.failed(reason);
      }
    }
    loaded.expiresAt.ifPresent(this::notifyOfEnd);
  }

  private void notifyOfEnd(Instant expiresAt) {
    Instant now = clock.instant();
    boolean isClose = !now.isBefore(expiresAt.minus(NOTICE));
    if (isClose && (notifiedAt == Instant.MIN || !now.isBefore(notifiedAt.plus(REMINDER)))) {
      notifiedAt = now;
      listener.expires(expiresAt);
    }
  }

  /** Reads certificate, key and CA, in this order. */
  private List<Optional<PemFile>> read() throws IOException {
    List<Optional<PemFile>> files = new ArrayList<>();
    for (Optional<Path> file : List.of(certificate, key, ca)) {
      files.add(file.isPresent() ? Optional.of(PemFile.read(file.get())) : Optional.empty());
    }
    return files;
  }

  private static List<String> digests(List<Optional<PemFile>> files) {
    return files.stream()
        .map(file -> file.map(it -> HexFormat.of().formatHex(it.digest())).orElse(""))
        .toList();
  }

  private Loaded load(List<Optional<PemFile>> files) throws IOException {
    Optional<TlsIdentity> identity = Optional.empty();
    if (certificate.isPresent()) {
      identity = Optional.of(identity(files.get(0).orElseThrow(), files.get(1).orElseThrow()));
    }
    List<X509Certificate> trusted = List.of();
    if (ca.isPresent()) {
      trusted = trusted(files.get(2).orElseThrow());
    }
    try {
      SSLContext tls = SSLContext.getInstance("TLS");
      tls.init(keyManagers(identity), trustManagers(trusted), null);
      return new Loaded(tls, identity.map(TlsIdentity::expiresAt), ca.isPresent(), digests(files));
    } catch (GeneralSecurityException e) {
      throw new IOException("this JDK cannot use the certificates: " + e.getMessage(), e);
    }
  }

  private TlsIdentity identity(PemFile certificates, PemFile privateKey) throws IOException {
    return TlsIdentity.of(certificate.orElseThrow(), certificates, privateKey, clock.instant());
  }

  /** Returns the CA certificates of a file, one of which must be valid: a bundle may have old ones. */
  private List<X509Certificate> trusted(PemFile file) throws IOException {
    List<X509Certificate> all = file.certificates();
    IOException first = null;
    for (X509Certificate one : all) {
      try {
        TlsIdentity.checkValidity(ca.orElseThrow(), one, all.indexOf(one) + 1, clock.instant());
        return all;
      } catch (IOException e) {
        first = first == null ? e : first;
      }
    }
    throw first;
  }

  private static KeyManager[] keyManagers(Optional<TlsIdentity> identity)
      throws GeneralSecurityException, IOException {
    if (identity.isEmpty()) {
      return new KeyManager[0];
    }
    KeyStore store = emptyStore();
    Certificate[] chain = identity.get().chain().toArray(new Certificate[0]);
    store.setKeyEntry("key", identity.get().key(), PASSWORD, chain);
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, PASSWORD);
    return factory.getKeyManagers();
  }

  private TrustManager[] trustManagers(List<X509Certificate> trusted)
      throws GeneralSecurityException, IOException {
    if (trusted.isEmpty()) {
      return isServer ? new TrustManager[0] : null; // None: nothing is trusted. Null: Java's store.
    }
    KeyStore store = emptyStore();
    for (X509Certificate one : trusted) {
      store.setCertificateEntry("ca-" + store.size(), one);
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  /** Returns the parameters of new connections. */
  private SSLParameters parameters() {
    Loaded now = loaded;
    SSLParameters parameters = now.tls.getDefaultSSLParameters();
    if (isServer) {
      parameters.setProtocols(PROTOCOLS);
      parameters.setCipherSuites(
          Arrays.stream(parameters.getCipherSuites())
              .filter(ReloadingTls::isModern)
              .toArray(String[]::new));
      parameters.setUseCipherSuitesOrder(true);
      parameters.setNeedClientAuth(now.hasCa);
    }
    return parameters;
  }

  /** Returns whether a cipher suite is of TLS 1.3, or has AEAD and forward secrecy. */
  private static boolean isModern(String suite) {
    boolean isAead = suite.contains("_GCM_") || suite.contains("_CHACHA20_POLY1305_");
    return isAead && suite.matches("TLS_(AES|CHACHA20|ECDHE)_.*");
  }

  /** Delegates to the context in use. */
  private final class Delegating extends SSLContextSpi {
    @Override
    protected void engineInit(KeyManager[] keys, TrustManager[] trust, SecureRandom random)
        throws KeyManagementException {
      throw new KeyManagementException("is initialized from files");
    }

    @Override
    protected SSLSocketFactory engineGetSocketFactory() {
      return loaded.tls.getSocketFactory();
    }

    @Override
    protected SSLServerSocketFactory engineGetServerSocketFactory() {
      return loaded.tls.getServerSocketFactory();
    }

    @Override
    protected SSLEngine engineCreateSSLEngine() {
      return loaded.tls.createSSLEngine();
    }

    @Override
    protected SSLEngine engineCreateSSLEngine(String host, int port) {
      return loaded.tls.createSSLEngine(host, port);
    }

    @Override
    protected SSLSessionContext engineGetServerSessionContext() {
      return loaded.tls.getServerSessionContext();
    }

    @Override
    protected SSLSessionContext engineGetClientSessionContext() {
      return loaded.tls.getClientSessionContext();
    }

    @Override
    protected SSLParameters engineGetDefaultSSLParameters() {
      return parameters();
    }

    @Override
    protected SSLParameters engineGetSupportedSSLParameters() {
      return loaded.tls.getSupportedSSLParameters();
    }
  }
}
