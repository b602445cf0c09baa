// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

/** A connection with TLS. It keeps its thread while it is idle. */
final class TlsWire implements Wire {
  private final SSLSocket socket;
  private final InputStream in;
  private final OutputStream out;

  /** Shakes hands. */
  TlsWire(SSLSocket socket) throws IOException {
    this.socket = socket;
    socket.startHandshake();
    this.in = socket.getInputStream();
    this.out = socket.getOutputStream();
  }

  SSLSession session() {
    return socket.getSession();
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    return in.read(to, offset, length);
  }

  @Override
  public void write(byte[] from, int offset, int length) throws IOException {
    out.write(from, offset, length);
    out.flush();
  }

  @Override
  public void shutdownOutput() throws IOException {
    socket.shutdownOutput(); // Sends close_notify.
  }
}
