// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.time.Duration;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import kit.discovery.Instance;

/** Finds out whether a port serves TLS, by a handshake without data. */
final class TlsProbe {
  private TlsProbe() {}

  /** Returns whether the port responds to a handshake, trusted or not. */
  static boolean speaksTls(Instance instance, Duration timeout) {
    int millis = (int) Math.max(1, Math.min(timeout.toMillis(), Integer.MAX_VALUE));
    SSLSocketFactory factory = (SSLSocketFactory) SSLSocketFactory.getDefault();
    try (Socket clear = new Socket()) {
      clear.connect(new InetSocketAddress(instance.host(), instance.port()), millis);
      clear.setSoTimeout(millis);
      // It is not closed itself: that would wait for the peer.
      SSLSocket tls =
          (SSLSocket) factory.createSocket(clear, instance.host(), instance.port(), false);
      tls.startHandshake();
      return true;
    } catch (SSLHandshakeException e) {
      return isOfCertificate(e) || String.valueOf(e.getMessage()).contains("fatal alert");
    } catch (IOException e) {
      return false;
    }
  }

  /** A certificate that is not trusted was received over TLS. */
  private static boolean isOfCertificate(SSLHandshakeException e) {
    for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException) {
        return true;
      }
    }
    return false;
  }
}
