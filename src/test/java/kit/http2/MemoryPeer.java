// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLSession;
import kit.engine.EngineProtocol;

/** A client whose bytes have all arrived. Tasks run at once, on the thread of the connection. */
final class MemoryPeer implements EngineProtocol.Peer {
  private final InputStream input;
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private volatile boolean isBusy;

  /** Creates a client; {@code isSlow}: whose frames seem to arrive one by one. */
  MemoryPeer(byte[] input, boolean isSlow) {
    this.input =
        new ByteArrayInputStream(input) {
          @Override
          public synchronized int available() {
            return isSlow ? 0 : super.available();
          }
        };
  }

  boolean isBusy() {
    return isBusy;
  }

  byte[] sent() {
    return output.toByteArray();
  }

  @Override
  public InputStream input() {
    return input;
  }

  @Override
  public OutputStream output() {
    return output;
  }

  @Override
  public InetSocketAddress remoteAddress() {
    return InetSocketAddress.createUnresolved("test", 1);
  }

  @Override
  public Optional<SSLSession> session() {
    return Optional.empty();
  }

  @Override
  public Executor threads() {
    return Runnable::run;
  }

  @Override
  public void expireIn(Duration timeout) {}

  @Override
  public void busy(boolean isBusy) {
    this.isBusy = isBusy;
  }

  @Override
  public void onStop(Runnable action) {}
}
