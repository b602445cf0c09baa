// SPDX-License-Identifier: Apache-2.0
package nacos;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Forwards connections between a Unix domain socket and a TCP port of the loopback address. As a
 * program it listens on the port; arguments: the port and the socket.
 */
public final class Relay {
  private Relay() {}

  /** Listens on a port until the process is killed. */
  public static void main(String[] args) throws IOException {
    ServerSocketChannel listener =
        ServerSocketChannel.open().bind(loopback(Integer.parseInt(args[0])), 1024);
    accept(listener, UnixDomainSocketAddress.of(args[1]));
  }

  /** Listens on a Unix domain socket, on a daemon thread. */
  static void fromUnixSocket(Path socket, int port) throws IOException {
    Files.deleteIfExists(socket);
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(socket), 1024);
    start(() -> accept(listener, loopback(port)));
  }

  private static SocketAddress loopback(int port) {
    return new InetSocketAddress("127.0.0.1", port);
  }

  private static void accept(ServerSocketChannel listener, SocketAddress target)
      throws IOException {
    while (true) {
      SocketChannel client = listener.accept();
      start(
          () -> {
            try (client;
                SocketChannel server = connect(target)) {
              Thread responses = start(() -> copy(server, client));
              copy(client, server);
              responses.join();
            }
          });
    }
  }

  private static SocketChannel connect(SocketAddress target) throws IOException {
    return target instanceof UnixDomainSocketAddress
        ? open(StandardProtocolFamily.UNIX, target)
        : SocketChannel.open(target);
  }

  private static SocketChannel open(StandardProtocolFamily family, SocketAddress target)
      throws IOException {
    SocketChannel channel = SocketChannel.open(family);
    try {
      channel.connect(target);
      return channel;
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Copies until the end of the stream; a failure closes both directions. */
  private static void copy(SocketChannel from, SocketChannel to) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(16 * 1024);
    try {
      while (from.read(buffer.clear()) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          to.write(buffer);
        }
      }
      to.shutdownOutput();
    } catch (IOException e) {
      from.close();
      to.close();
    }
  }

  private interface Task {
    void run() throws Exception;
  }

  private static Thread start(Task task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (Exception e) {
                // The connection ends.
              }
            });
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
