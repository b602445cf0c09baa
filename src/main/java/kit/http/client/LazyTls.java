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
 * The JDK's TLS context ({@link SSLContext#getDefault}), initialized when it is first used.
 *
 * <p>A JDK client initializes its context when it is created, even if it only ever calls {@code
 * http://...}: this reads all trusted certificates, which takes a quarter of a second at the start
 * of a program.
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

  /** Returns the context, which trusts the same certificates as the JDK's default. */
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
      throw new IllegalStateException("is the JDK's default");
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
      return new SSLParameters(null, new String[] {"TLSv1.3", "TLSv1.2"}); // The JDK's defaults.
    }

    @Override
    protected SSLParameters engineGetSupportedSSLParameters() {
      return tls().getSupportedSSLParameters();
    }
  }
}
