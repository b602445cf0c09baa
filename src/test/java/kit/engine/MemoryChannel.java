// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/** A connection in memory: its client has sent all at once, ended the stream, and reads later. */
final class MemoryChannel extends SocketChannel {
  private static final InetSocketAddress ADDRESS =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);

  private final ByteBuffer sent;
  private final IntUnaryOperator pieceLength;
  private final ByteArrayOutputStream received = new ByteArrayOutputStream();

  /** Creates a connection; {@code pieceLength} gets the most bytes that a read can return. */
  MemoryChannel(String sent, IntUnaryOperator pieceLength) {
    super(SelectorProvider.provider());
    this.sent = ByteBuffer.wrap(sent.getBytes(StandardCharsets.ISO_8859_1));
    this.pieceLength = pieceLength;
  }

  /** Returns what the client has received. */
  String received() {
    return received.toString(StandardCharsets.ISO_8859_1);
  }

  private void requireOpen() throws IOException {
    if (!isOpen()) {
      throw new ClosedChannelException();
    }
  }

  @Override
  public int read(ByteBuffer to) throws IOException {
    requireOpen();
    int most = Math.min(to.remaining(), sent.remaining());
    if (most == 0) {
      return sent.hasRemaining() ? 0 : -1;
    }
    int count = Math.min(most, pieceLength.applyAsInt(most));
    to.put(sent.slice(sent.position(), count));
    sent.position(sent.position() + count);
    return count;
  }

  @Override
  public int write(ByteBuffer from) throws IOException {
    requireOpen();
    int count = from.remaining();
    while (from.hasRemaining()) {
      received.write(from.get());
    }
    return count;
  }

  @Override
  public long read(ByteBuffer[] to, int offset, int length) throws IOException {
    return read(to[offset]);
  }

  @Override
  public long write(ByteBuffer[] from, int offset, int length) throws IOException {
    long count = 0;
    for (int i = offset; i < offset + length; i++) {
      count += write(from[i]);
    }
    return count;
  }

  @Override
  public SocketChannel shutdownInput() {
    return this;
  }

  @Override
  public SocketChannel shutdownOutput() throws IOException {
    requireOpen();
    return this;
  }

  @Override
  public SocketAddress getRemoteAddress() {
    return ADDRESS;
  }

  @Override
  public SocketAddress getLocalAddress() {
    return ADDRESS;
  }

  @Override
  public <T> SocketChannel setOption(SocketOption<T> option, T value) {
    return this;
  }

  @Override
  public <T> T getOption(SocketOption<T> option) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Set<SocketOption<?>> supportedOptions() {
    return Set.of();
  }

  @Override
  public SocketChannel bind(SocketAddress local) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Socket socket() {
    return new Socket() {
      @Override
      public InputStream getInputStream() {
        return Channels.newInputStream(MemoryChannel.this);
      }

      @Override
      public OutputStream getOutputStream() {
        return Channels.newOutputStream(MemoryChannel.this);
      }

      @Override
      public void setSoTimeout(int millis) {}

      @Override
      public void shutdownOutput() {}
    };
  }

  @Override
  public boolean connect(SocketAddress remote) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean finishConnect() {
    return true;
  }

  @Override
  public boolean isConnected() {
    return true;
  }

  @Override
  public boolean isConnectionPending() {
    return false;
  }

  @Override
  protected void implCloseSelectableChannel() {}

  @Override
  protected void implConfigureBlocking(boolean block) {}
}
