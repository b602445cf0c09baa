// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * TLS of a server: the default parameters of its context, and connections of the server to itself,
 * which need no client certificate.
 *
 * <p>Thread-safe.
 */
final class ServerTls extends HttpsConfigurator {
  // Also if the port speaks HTTP/2 for gRPC: clients of gRPC offer nothing else.
  private static final String[] PROTOCOLS = {"http/1.1"};

  private final Set<InetSocketAddress> own = ConcurrentHashMap.newKeySet(); // Shake hands now.

  ServerTls(SSLContext context) {
    super(context);
  }

  @Override
  public void configure(HttpsParameters parameters) {
    SSLParameters all = getSSLContext().getDefaultSSLParameters();
    all.setApplicationProtocols(PROTOCOLS);
    if (own.contains(parameters.getClientAddress())) {
      all.setNeedClientAuth(false);
    }
    parameters.setSSLParameters(all);
  }

  /**
   * Shakes hands on a connection to this server itself. Its local address identifies it: as long as
   * the socket is open, no other client of the server has the same.
   */
  Socket secure(Socket socket) throws IOException {
    InetSocketAddress local = (InetSocketAddress) socket.getLocalSocketAddress();
    own.add(local);
    try {
      SSLSocket secured =
          (SSLSocket)
              OwnServer.CLIENT
                  .getSocketFactory()
                  .createSocket(socket, "localhost", socket.getPort(), true);
      secured.startHandshake();
      return secured;
    } finally {
      own.remove(local);
    }
  }

  /** Trusts every certificate, as its only peer is the own port, where any is the right one. */
  private static final class OwnServer extends X509ExtendedTrustManager {
    static final SSLContext CLIENT = client(); // Made when it is first used.

    private static SSLContext client() {
      try {
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, new TrustManager[] {new OwnServer()}, null);
        return tls;
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("this JDK has no TLS", e);
      }
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
