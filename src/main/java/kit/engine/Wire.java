// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLSocket;

/**
 * The bytes of one connection as they are sent: with TLS, encrypted. A read returns what has
 * arrived, at least one byte.
 *
 * <p>One thread may read, one may write, and one may {@link #look} at the same time.
 */
final class Wire extends InputStream {
  private static final int EARLY_BYTES = 1024;

  /** What is known of the client. */
  enum Client {
    /** It may send more. */
    PRESENT,
    /** It sends no more; it may wait for a response, or be gone. */
    HALF_CLOSED,
    /** It has reset the connection. */
    GONE
  }

  private final SocketChannel channel;
  private final Socket socket;
  private final InputStream in;
  private final Lock reading = new ReentrantLock();
  private final Lock writing = new ReentrantLock();

  // Guarded by reading.
  private ByteBuffer early = ByteBuffer.allocate(0); // What look or peek has read, no reader yet.
  private boolean hasEnded;

  Wire(SocketChannel channel) throws IOException {
    this.channel = channel;
    this.socket = channel.socket();
    this.in = socket.getInputStream();
  }

  SocketChannel channel() {
    return channel;
  }

  /** Returns the socket, whose time limit of reads applies; its streams must not be used. */
  Socket socket() {
    return socket;
  }

  /** Returns what sends the bytes, or with TLS encrypts and sends them, undisturbed by {@link #look}. */
  OutputStream output(SSLSocket tls) throws IOException {
    return new Output((tls == null ? socket : tls).getOutputStream());
  }

  /** Returns what reads the bytes, or with TLS reads and decrypts them, undisturbed by {@link #look}. */
  InputStream input(SSLSocket tls) throws IOException {
    return tls == null ? this : new DecryptedInput(tls.getInputStream());
  }

  /** Changes to non-blocking mode, in which nothing but a selector uses the channel, or back. */
  void setBlocking(boolean isBlocking) throws IOException {
    reading.lock();
    try {
      channel.configureBlocking(isBlocking);
    } finally {
      reading.unlock();
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    reading.lock();
    try {
      if (early.position() == 0) {
        return hasEnded ? -1 : in.read(to, offset, length);
      }
      int count = Math.min(length, early.position());
      early.flip().get(to, offset, count);
      early.compact();
      return count;
    } finally {
      reading.unlock();
    }
  }

  @Override
  public int available() throws IOException {
    reading.lock();
    try {
      return early.position() + in.available();
    } finally {
      reading.unlock();
    }
  }

  /** Waits for the next byte and returns it, which remains to be read; -1: the client has ended. */
  int peek() throws IOException {
    reading.lock();
    try {
      if (early.position() == 0 && !hasEnded) {
        byte[] one = new byte[1];
        hasEnded = in.read(one) < 0;
        if (!hasEnded) {
          early = ByteBuffer.allocate(1).put(one);
        }
      }
      return early.position() == 0 ? -1 : early.get(0) & 0xff;
    } finally {
      reading.unlock();
    }
  }

  /** Returns whether a read would return at once. */
  boolean hasArrived() throws IOException {
    return look() != Client.PRESENT || available() > 0;
  }

  /**
   * Looks whether the client is still there, without waiting. What it has sent is kept for the next
   * read, up to a bound. While a thread reads or writes, that thread will notice: {@link
   * Client#PRESENT}.
   */
  synchronized Client look() {
    if (!reading.tryLock()) {
      return Client.PRESENT;
    }
    try {
      if (!hasEnded && channel.isBlocking() && writing.tryLock()) {
        try {
          readEarly();
        } finally {
          writing.unlock();
        }
      }
      return hasEnded ? Client.HALF_CLOSED : Client.PRESENT;
    } catch (IOException e) {
      return Client.GONE;
    } finally {
      reading.unlock();
    }
  }

  private void readEarly() throws IOException {
    if (early.capacity() < EARLY_BYTES) {
      early = ByteBuffer.allocate(EARLY_BYTES).put(early.flip());
    }
    channel.configureBlocking(false);
    try {
      int count = 1;
      while (count > 0 && early.hasRemaining()) {
        count = channel.read(early);
      }
      hasEnded = count < 0;
    } finally {
      channel.configureBlocking(true);
    }
  }

  boolean isOpen() {
    return channel.isOpen();
  }

  /** Closes the connection, on any thread; harmless if it is closed. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // Nothing is left to be done with the connection.
    }
  }

  /** Has the lock also while TLS answers, such as to an update of the keys. */
  private final class DecryptedInput extends FilterInputStream {
    DecryptedInput(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
      reading.lock();
      try {
        return in.read(to, offset, length);
      } finally {
        reading.unlock();
      }
    }
  }

  /** Writes, and does nothing else, while it has the lock. */
  private final class Output extends FilterOutputStream {
    Output(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] from, int offset, int length) throws IOException {
      writing.lock();
      try {
        out.write(from, offset, length);
      } finally {
        writing.unlock();
      }
    }
  }
}
