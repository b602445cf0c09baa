// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Sends bytes to a server of {@link EchoHandler}, ends the stream and reads all responses. */
final class RawConversation {
  /** In place of a response that the server owes, with the connection open. */
  static final String HANGING = "hanging";

  private static final int PATIENCE_MILLIS = 20_000; // Machines may be busy.

  private RawConversation() {}

  /** Returns the responses; {@code pieceLength} gets the most bytes that a write can have. */
  static List<String> answers(int port, String sent, IntUnaryOperator pieceLength)
      throws IOException {
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    List<String> end = List.of();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(PATIENCE_MILLIS);
      send(socket, sent.getBytes(StandardCharsets.ISO_8859_1), pieceLength);
      socket.getInputStream().transferTo(received);
    } catch (SocketTimeoutException e) {
      end = List.of(HANGING);
    } catch (SocketException e) {
      // Reset: closed while bytes of the client were in flight.
    }
    List<String> answers =
        new ArrayList<>(EchoHandler.answers(received.toString(StandardCharsets.ISO_8859_1)));
    answers.addAll(end);
    return answers;
  }

  private static void send(Socket socket, byte[] bytes, IntUnaryOperator pieceLength)
      throws IOException {
    try {
      int at = 0;
      while (at < bytes.length) {
        int count = Math.min(bytes.length - at, pieceLength.applyAsInt(bytes.length - at));
        socket.getOutputStream().write(bytes, at, count);
        at += count;
      }
      socket.shutdownOutput();
    } catch (SocketException e) {
      // Closed by the server, whose responses can still be read.
    }
  }
}
