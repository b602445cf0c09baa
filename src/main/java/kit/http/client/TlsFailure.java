// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.util.Objects.requireNonNull;

import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertPathValidatorException.BasicReason;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.PKIXReason;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import kit.LogSafe;

/**
 * Reason why a TLS handshake failed, from the exception of any client. The server has processed nothing
 * then.
 *
 * <pre>{@code
 * TlsFailure.of(exception).ifPresent(tls -> print(tls.kind() + ": " + tls.detail()));
 * }</pre>
 *
 * <p>Under TLS 1.3 a server verifies the certificate of the client when the handshake has ended for the
 * client, which then has the server's alert in place of a response. A server that sends no alert, as the
 * JDK's does on JDK 17, only closes the connection: that is not recognized here.
 *
 * <p>Immutable.
 *
 * @param kind the reason in general
 * @param detail one line for a person; bytes of the peer in it are escaped
 */
public record TlsFailure(Kind kind, String detail) {
  // An alert of the server, and a response that is not TLS, have no types of exceptions.
  private static final Pattern ALERT = Pattern.compile("Received fatal alert: (\\w+)");
  private static final Pattern NOT_TLS = Pattern.compile("(?i)\\b(un\\w+ SSL message)\\b");
  private static final Set<String> NO_CERTIFICATE =
      Set.of("certificate_required", "bad_certificate"); // The latter of JDK 17 and TLS 1.2.
  private static final Set<String> REJECTED =
      Set.of(
          "unsupported_certificate",
          "certificate_revoked",
          "certificate_expired",
          "certificate_unknown",
          "unknown_ca",
          "access_denied");

  /** The reasons. */
  public enum Kind {
    /** The certificate of the server, or its signature, is not of a CA that the client trusts. */
    UNKNOWN_CA("TLS unknown CA"),
    /** A certificate of the server's chain has expired. */
    EXPIRED("TLS certificate expired"),
    /** A certificate of the server's chain is not valid yet. */
    NOT_YET_VALID("TLS certificate not yet valid"),
    /** The certificate of the server has other names and addresses than the one that was called. */
    WRONG_NAME("TLS wrong name"),
    /** The server requires a client certificate, and there is none of a CA that it accepts. */
    NO_CLIENT_CERTIFICATE("TLS no client certificate"),
    /** The server has rejected the certificate of the client. */
    REJECTED("TLS client certificate rejected"),
    /** The server does not speak TLS on this port. */
    NOT_TLS("TLS not spoken"),
    /** Anything else: no protocol or cipher suite in common, a connection closed half way. */
    HANDSHAKE("TLS handshake");

    private final String label;

    Kind(String label) {
      this.label = label;
    }

    /** Returns a short name for tables. */
    @Override
    public String toString() {
      return label;
    }
  }

  /** Checks that nothing is missing. */
  public TlsFailure {
    requireNonNull(kind, "kind");
    requireNonNull(detail, "detail");
  }

  /** Returns the reason; empty if the exception is not that of a handshake. */
  public static Optional<TlsFailure> of(Throwable thrown) {
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof SSLException tls) {
        return ofTls(tls);
      }
    }
    return Optional.empty();
  }

  private static Optional<TlsFailure> ofTls(SSLException thrown) {
    Optional<TlsFailure> known = ofCertificate(thrown);
    if (known.isPresent()) {
      return known;
    }
    String message = String.valueOf(thrown.getMessage());
    if (!(thrown instanceof SSLHandshakeException)) {
      return NOT_TLS.matcher(message).find()
          ? failure(Kind.NOT_TLS, "the server does not speak TLS on this port")
          : Optional.empty();
    }
    Matcher alert = ALERT.matcher(message);
    if (alert.find() && NO_CERTIFICATE.contains(alert.group(1))) {
      return failure(
          Kind.NO_CLIENT_CERTIFICATE,
          "the server requires a client certificate of a CA that it accepts");
    }
    if (alert.reset().find() && REJECTED.contains(alert.group(1))) {
      return failure(
          Kind.REJECTED, "the server rejected the client certificate: " + alert.group(1));
    }
    return failure(Kind.HANDSHAKE, "handshake failed: " + LogSafe.of(message));
  }

  /** Finds out why the client does not accept the certificate of the server. */
  private static Optional<TlsFailure> ofCertificate(SSLException thrown) {
    for (Throwable cause = thrown.getCause(); cause != null; cause = cause.getCause()) {
      Object reason = cause instanceof CertPathValidatorException e ? e.getReason() : cause;
      if (cause instanceof CertificateExpiredException || reason == BasicReason.EXPIRED) {
        return failure(Kind.EXPIRED, "the server's certificate has expired");
      }
      if (cause instanceof CertificateNotYetValidException || reason == BasicReason.NOT_YET_VALID) {
        return failure(Kind.NOT_YET_VALID, "the server's certificate is not valid yet");
      }
      boolean isOfAnotherCa =
          reason == PKIXReason.NO_TRUST_ANCHOR || reason == BasicReason.INVALID_SIGNATURE;
      boolean isLast = cause.getCause() == null;
      if (isOfAnotherCa || isLast && cause instanceof CertPathBuilderException) {
        return failure(Kind.UNKNOWN_CA, "the server's certificate is not of a trusted CA");
      }
      // Whatever else is wrong with a certificate has a subtype.
      if (isLast && cause.getClass() == CertificateException.class) {
        return failure(Kind.WRONG_NAME, "the server's certificate is for another host or address");
      }
    }
    return Optional.empty();
  }

  private static Optional<TlsFailure> failure(Kind kind, String detail) {
    return Optional.of(new TlsFailure(kind, "TLS: " + detail));
  }
}
