// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import kit.http2.HeaderField;
import kit.http2.Http2Client;
import kit.http2.Http2Settings;
import kit.http2.Http2Stream;

/** Connects to a server by its name, at the first of its addresses that accepts the connection. */
record Http2Connector(String host, int port, Optional<SSLContext> tls)
    implements GrpcChannel.Connector {
  @Override
  public GrpcChannel.Connection connect(long deadlineNanos) throws IOException {
    InetAddress[] addresses = InetAddress.getAllByName(host);
    IOException failure = null;
    for (int i = 0; i < addresses.length; i++) {
      long leftNanos = deadlineNanos - System.nanoTime();
      try {
        return connect(addresses[i], Duration.ofNanos(leftNanos / (addresses.length - i)));
      } catch (IOException e) {
        if (failure != null) {
          e.addSuppressed(failure);
        }
        failure = e;
      }
    }
    throw failure;
  }

  private Connection connect(InetAddress ip, Duration timeout) throws IOException {
    InetSocketAddress address = new InetSocketAddress(ip, port);
    Http2Settings settings = Http2Settings.clientDefaults();
    Http2Client client =
        tls.isPresent()
            ? Http2Client.connect(address, timeout, settings, tls.get())
            : Http2Client.connect(address, timeout, settings);
    return new Connection(client);
  }

  private record Connection(Http2Client client) implements GrpcChannel.Connection {
    @Override
    public Http2Stream open(List<HeaderField> head, boolean isLast, long deadlineNanos)
        throws IOException {
      return client.open(head, isLast, deadlineNanos);
    }

    @Override
    public boolean isUsable() {
      return client.isUsable();
    }

    @Override
    public void close() {
      client.close();
    }
  }
}
