// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.LogSafe;
import kit.metrics.Metrics;
import kit.tls.ReloadingTls;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The flags of TLS on all ports of a server: {@code --tls-cert}, {@code --tls-key} and {@code
 * --tls-client-ca}. Renewed files are used without a restart, see {@link ReloadingTls}.
 *
 * <p>Not thread-safe, as {@link Flags} is not.
 */
final class TlsFlags implements AutoCloseable {
  private static final Flags.Type<Optional<Path>> FILE = FlagFile.TYPE.or("none");

  private final Supplier<Optional<Path>> certificate;
  private final Supplier<Optional<Path>> key;
  private final Supplier<Optional<Path>> clientCa;
  private final InstantSource clock = InstantSource.system();
  private Optional<ReloadingTls> opened = Optional.empty();

  /** Declares the flags. */
  TlsFlags(Flags flags) {
    flags.group("TLS");
    certificate =
        flags.optional("tls-cert", FILE, "none", "certificate (PEM) with its chain; serves HTTPS");
    key = flags.optional("tls-key", FILE, "none", "private key (PEM) of the certificate");
    clientCa =
        flags.optional(
            "tls-client-ca", FILE, "none", "CA certificates (PEM); clients need one of theirs");
  }

  /**
   * Returns the context of the server, whose files are read at the first call and followed until {@link
   * #close}; empty without the flags.
   *
   * @throws Flags.UsageException if a flag is missing, or a file cannot be used
   */
  Optional<SSLContext> context() {
    if (certificate.get().isPresent() != key.get().isPresent()) {
      throw new Flags.UsageException("--tls-cert and --tls-key: one needs the other");
    }
    if (clientCa.get().isPresent() && certificate.get().isEmpty()) {
      throw new Flags.UsageException("--tls-client-ca: needs --tls-cert and --tls-key");
    }
    if (opened.isEmpty() && certificate.get().isPresent()) {
      opened = Optional.of(open(certificate.get().get(), key.get().orElseThrow()));
    }
    return opened.map(ReloadingTls::context);
  }

  private ReloadingTls open(Path certificate, Path key) {
    // Read by the JDK before its first handshake; a renegotiation costs a client nothing.
    String renegotiation = "jdk.tls.rejectClientInitiatedRenegotiation";
    System.setProperty(renegotiation, System.getProperty(renegotiation, "true"));
    try {
      ReloadingTls tls =
          ReloadingTls.forServer(
              certificate, key, clientCa.get(), clock, new LoggedEvents("TLS files"));
      tls.start();
      return tls;
    } catch (IOException e) {
      throw new Flags.UsageException("TLS: " + e.getMessage());
    }
  }

  /** Registers the gauge {@code tls_certificate_expiry_seconds}, if there is a certificate. */
  void show(Metrics metrics) {
    opened.ifPresent(
        tls ->
            metrics.polledGauge(
                "tls_certificate_expiry_seconds",
                "Time until the TLS certificate expires; negative: it has.",
                samples -> samples.add(remaining(tls.expiresAt().orElseThrow()).toSeconds())));
  }

  private Duration remaining(Instant expiresAt) {
    return Duration.between(clock.instant(), expiresAt);
  }

  /** No longer follows the files. */
  @Override
  public void close() {
    opened.ifPresent(ReloadingTls::close);
  }

  /** Logs what happens to files, which a message begins with. */
  record LoggedEvents(String files) implements ReloadingTls.Listener {
    /** Not a constant: files are read before logs are set up, and the first logger fixes their form. */
    private static Logger log() {
      return LoggerFactory.getLogger(TlsFlags.class);
    }

    @Override
    public void reloaded(Optional<Instant> expiresAt) {
      String end = expiresAt.map(at -> "; the certificate expires at " + at).orElse("");
      log().info("{} reloaded{}", files, end);
    }

    @Override
    public void failed(String reason) {
      log().warn("{} not reloaded, the old ones stay in use: {}", files, LogSafe.of(reason));
    }

    @Override
    public void expires(Instant at) {
      log().warn("{}: the certificate expires at {}; replace it", files, at);
    }
  }
}
