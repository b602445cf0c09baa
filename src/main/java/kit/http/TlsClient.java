// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import kit.Context;

/**
 * Client that has proved itself with a certificate (mutual TLS), in the context of its requests.
 *
 * <pre>{@code
 * TlsClient client = context.get(TlsClient.KEY); // Null without a certificate.
 * client.subject(); // "O=Test,CN=client"
 * client.names(); // "client.test", "spiffe://test/client"
 * }</pre>
 *
 * <p>A CA that the server trusts has issued the names. Behind a proxy that ends TLS, they are those of
 * the proxy.
 *
 * <p>Immutable.
 *
 * @param subject the distinguished name as in RFC 2253; may be empty
 * @param names the alternative names: DNS names, IP addresses, URIs and mail addresses
 */
public record TlsClient(String subject, List<String> names) {
  /** The key of the client in the context of a request; absent without a certificate. */
  public static final Context.Key<TlsClient> KEY = Context.key("tls-client");

  private static final String CACHED = "kit.http.TlsClient"; // In the session.
  private static final List<Integer> TEXTS = List.of(1, 2, 6, 7); // Mail, DNS, URI, IP: RFC 5280.

  /** Checks that nothing is null. */
  public TlsClient {
    requireNonNull(subject, "subject");
    names = List.copyOf(names);
  }

  /** Returns the client of a session; empty without a certificate. A session keeps the result. */
  public static Optional<TlsClient> of(SSLSession session) {
    if (session.getValue(CACHED) instanceof Optional<?> cached) {
      return cached.map(TlsClient.class::cast);
    }
    Optional<TlsClient> client = read(session);
    session.putValue(CACHED, client);
    return client;
  }

  private static Optional<TlsClient> read(SSLSession session) {
    try {
      X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
      String subject = certificate.getSubjectX500Principal().getName();
      return Optional.of(new TlsClient(subject, names(certificate)));
    } catch (SSLPeerUnverifiedException e) {
      return Optional.empty();
    }
  }

  private static List<String> names(X509Certificate certificate) {
    List<String> names = new ArrayList<>();
    try {
      Collection<List<?>> all = certificate.getSubjectAlternativeNames(); // Null without.
      for (List<?> name : all == null ? List.<List<?>>of() : all) {
        if (TEXTS.contains(name.get(0))) {
          names.add(name.get(1).toString());
        }
      }
    } catch (CertificateParsingException e) {
      return List.of(); // The CA has issued it so.
    }
    return names;
  }
}
