// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** Shakes hands as an {@link HttpsConfigurator} says. */
final class Tls {
  private static final int HANDSHAKE = 22; // The type of the first record of a client.

  private Tls() {}

  /** Returns whether a client that sends this byte first speaks TLS. */
  static boolean isFirstByte(int first) {
    return first == HANDSHAKE;
  }

  /** Returns the secured connection; the handshake runs on this thread. */
  static SSLSocket handshake(
      Wire wire, HttpsConfigurator configurator, List<EngineProtocol> protocols)
      throws IOException {
    if (configurator == null) {
      throw new IOException("HttpsServer.setHttpsConfigurator was not called");
    }
    InetSocketAddress client = (InetSocketAddress) wire.channel().getRemoteAddress();
    SSLSocketFactory factory = configurator.getSSLContext().getSocketFactory();
    SSLSocket socket = (SSLSocket) factory.createSocket(wire.socket(), wire, true);
    Parameters parameters = new Parameters(configurator, client);
    configurator.configure(parameters);
    parameters.applyTo(socket);
    SSLParameters all = socket.getSSLParameters();
    Set<String> names = new LinkedHashSet<>(List.of(all.getApplicationProtocols()));
    protocols.forEach(protocol -> names.add(protocol.name())); // Those given before are preferred.
    names.add("http/1.1");
    all.setApplicationProtocols(names.toArray(String[]::new));
    socket.setSSLParameters(all);
    socket.startHandshake();
    return socket;
  }

  private static final class Parameters extends HttpsParameters {
    private final HttpsConfigurator configurator;
    private final InetSocketAddress client;
    private SSLParameters all; // Null: those below, from the superclass.

    Parameters(HttpsConfigurator configurator, InetSocketAddress client) {
      this.configurator = configurator;
      this.client = client;
    }

    @Override
    public HttpsConfigurator getHttpsConfigurator() {
      return configurator;
    }

    @Override
    public InetSocketAddress getClientAddress() {
      return client;
    }

    @Override
    public void setSSLParameters(SSLParameters parameters) {
      all = parameters;
    }

    void applyTo(SSLSocket socket) {
      if (all != null) {
        socket.setSSLParameters(all);
        return;
      }
      if (getCipherSuites() != null) {
        socket.setEnabledCipherSuites(getCipherSuites());
      }
      if (getProtocols() != null) {
        socket.setEnabledProtocols(getProtocols());
      }
      if (getNeedClientAuth()) {
        socket.setNeedClientAuth(true);
      } else if (getWantClientAuth()) {
        socket.setWantClientAuth(true);
      }
    }
  }
}
