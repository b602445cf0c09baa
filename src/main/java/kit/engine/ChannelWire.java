// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/**
 * A connection without TLS.
 *
 * <p>On a virtual thread the channel is in blocking mode, and a read or write parks the thread. On a
 * platform thread it is non-blocking and has a selector, so that the wait for a request can end
 * before its first byte: {@link #awaitBytes}.
 */
final class ChannelWire implements Wire {
  private final SocketChannel channel;
  private SelectionKey key; // Of the selector.
  private volatile Selector selector; // Null: blocking mode.

  ChannelWire(SocketChannel channel) {
    this.channel = channel;
  }

  SocketChannel channel() {
    return channel;
  }

  /** Waits without a selector: on a virtual thread. */
  void block() throws IOException {
    if (!channel.isBlocking()) {
      channel.configureBlocking(true);
    }
  }

  /** Uses {@code selector} to wait, until {@link #detach}. */
  void attach(Selector selector) throws IOException {
    channel.configureBlocking(false);
    key = channel.register(selector, SelectionKey.OP_READ);
    this.selector = selector;
  }

  /** Takes the channel from its selector, which can then be used for another. */
  void detach() throws IOException {
    Selector attached = selector;
    selector = null;
    key.cancel();
    attached.selectNow(); // Completes the cancellation.
  }

  /** Returns whether there are bytes to read, or the end of the stream, within {@code millis}. */
  boolean awaitBytes(long millis) throws IOException {
    return selector == null || await(millis);
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(to, offset, length);
    int count = channel.read(bytes);
    while (count == 0) {
      await(0);
      count = channel.read(bytes);
    }
    return count;
  }

  @Override
  public void write(byte[] from, int offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(from, offset, length);
    channel.write(bytes);
    while (bytes.hasRemaining()) {
      if (selector != null) {
        key.interestOps(SelectionKey.OP_WRITE);
        await(0);
        key.interestOps(SelectionKey.OP_READ);
      }
      channel.write(bytes);
    }
  }

  /** Waits until the channel is ready; 0: without a limit. */
  private boolean await(long millis) throws IOException {
    int ready = selector.select(selected -> {}, millis);
    if (Thread.currentThread().isInterrupted()) {
      close();
      throw new ClosedByInterruptException(); // As in blocking mode.
    }
    if (!channel.isOpen()) {
      throw new ClosedChannelException();
    }
    return ready > 0;
  }

  @Override
  public void shutdownOutput() throws IOException {
    channel.shutdownOutput();
  }

  /** Closes the connection, on any thread; harmless if it is closed. */
  void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // Nothing is left to be done with the connection.
    }
    Selector waiting = selector;
    if (waiting != null) {
      waiting.wakeup();
    }
  }
}
