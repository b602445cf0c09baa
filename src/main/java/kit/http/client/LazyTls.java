// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;

/**
 * The TLS of the JDK ({@link SSLContext#getDefault}), set up when somebody speaks it.
 *
 * <p>A JDK client sets it up when it is made, also if all that it will ever ask for is {@code
 * http://...}: it reads all certificates that Java trusts and makes a socket, which is a quarter of a
 * second at the start of a program, on the way to its first call.
 *
 * <pre>{@code
 * HttpClient http = HttpClient.newBuilder().sslContext(LazyTls.context()).build();
 * }</pre>
 *
 * <p>Thread-safe.
 */
public final class LazyTls {
  private static final SSLContext CONTEXT = new SSLContext(new Lazy(), null, "TLS") {};

  private LazyTls() {}

  /** Returns the context, which trusts whom the JDK's own trusts. */
  public static SSLContext context() {
    return CONTEXT;
  }

  private static final class Lazy extends SSLContextSpi {
    private static SSLContext tls() {
      try {
        return SSLContext.getDefault(); // Once; later it returns the same.
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("this JVM has no TLS", e);
      }
    }

    @Override
    protected void engineInit(KeyManager[] keys, TrustManager[] trust, SecureRandom random) {
      throw new IllegalStateException("is the JDK's own");
    }

    @Override
    protected SSLEngine engineCreateSSLEngine() {
      return tls().createSSLEngine();
    }

    @Override
    protected SSLEngine engineCreateSSLEngine(String host, int port) {
      return tls().createSSLEngine(host, port);
    }

    @Override
    protected SSLSocketFactory engineGetSocketFactory() {
      return tls().getSocketFactory();
    }

    @Override
    protected SSLServerSocketFactory engineGetServerSocketFactory() {
      return tls().getServerSocketFactory();
    }

    @Override
    protected SSLSessionContext engineGetServerSessionContext() {
      return tls().getServerSessionContext();
    }

    @Override
    protected SSLSessionContext engineGetClientSessionContext() {
      return tls().getClientSessionContext();
    }

    @Override
    protected SSLParameters engineGetDefaultSSLParameters() {
      return new SSLParameters(
          null, new String[] {"TLSv1.3", "TLSv1.2"}); // As ever; costs nothing.
    }

    @Override
    protected SSLParameters engineGetSupportedSSLParameters() {
      return tls().getSupportedSSLParameters();
    }
  }
}
