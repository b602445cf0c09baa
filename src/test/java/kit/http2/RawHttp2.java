// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A peer that sends and receives frames one by one, valid or not. */
final class RawHttp2 implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 15_000; // Machines may be busy.
  private static final int MAX_BYTES = 1 << 20;

  private final Socket socket;
  private final FrameReader reader;
  private final HpackDecoder decoder = new HpackDecoder(4096, MAX_BYTES);
  private final HpackEncoder encoder = new HpackEncoder(true);
  private final ByteArrayOutputStream pending = new ByteArrayOutputStream();
  private final FrameWriter writer = new FrameWriter(pending);

  RawHttp2(Socket socket, boolean isClient) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.setTcpNoDelay(true);
    InputStream in = new BufferedInputStream(socket.getInputStream());
    this.reader = new FrameReader(in, !isClient, MAX_BYTES, MAX_BYTES);
  }

  /** Connects, and exchanges settings. */
  static RawHttp2 client(int port, Setting... settings) throws IOException {
    RawHttp2 client = new RawHttp2(new Socket(InetAddress.getLoopbackAddress(), port), true);
    client.send(
        to -> {
          to.preface();
          to.settings(List.of(settings));
        });
    client.expect(Frame.SETTINGS);
    client.send(FrameWriter::settingsAck);
    return client;
  }

  /** Accepts a client, and sends settings. */
  static RawHttp2 server(ServerSocket listener, Setting... settings) throws IOException {
    RawHttp2 server = new RawHttp2(listener.accept(), false);
    server.send(to -> to.settings(List.of(settings)));
    server.reader.readPreface();
    server.expect(Frame.SETTINGS);
    return server.send(FrameWriter::settingsAck);
  }

  @FunctionalInterface
  interface Frames {
    void addTo(FrameWriter to) throws IOException;
  }

  RawHttp2 send(Frames frames) throws IOException {
    frames.addTo(writer);
    return bytes(new byte[0]);
  }

  /** Sends bytes, valid or not. */
  RawHttp2 bytes(byte[] bytes) throws IOException {
    OutputStream out = socket.getOutputStream();
    pending.writeBytes(bytes);
    byte[] all = pending.toByteArray();
    pending.reset();
    out.write(all);
    return this;
  }

  /** Sends a frame, valid or not. */
  RawHttp2 frame(int type, int flags, int streamId, int... payload) throws IOException {
    ByteArrayOutputStream frame = new ByteArrayOutputStream();
    int[] header = {payload.length >> 16, payload.length >> 8, payload.length, type, flags};
    for (int b : header) {
      frame.write(b);
    }
    for (int shift = 24; shift >= 0; shift -= 8) {
      frame.write(streamId >> shift);
    }
    for (int b : payload) {
      frame.write(b);
    }
    return bytes(frame.toByteArray());
  }

  RawHttp2 headers(int streamId, List<HeaderField> fields, boolean isLast) throws IOException {
    return send(to -> to.headers(streamId, encoder.encode(fields), isLast));
  }

  RawHttp2 get(int streamId, String path) throws IOException {
    return headers(streamId, request("GET", path), true);
  }

  RawHttp2 post(int streamId, String path) throws IOException {
    return headers(streamId, request("POST", path), false);
  }

  RawHttp2 data(int streamId, String text, boolean isLast) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return send(to -> to.data(streamId, bytes, 0, bytes.length, isLast));
  }

  static List<HeaderField> request(String method, String path, String... fields) {
    List<HeaderField> all = new ArrayList<>();
    all.add(HeaderField.of(":method", method));
    all.add(HeaderField.of(":scheme", "http"));
    all.add(HeaderField.of(":path", path));
    all.add(HeaderField.of(":authority", "test"));
    all.addAll(fields(fields));
    return all;
  }

  /** Returns fields of names and values in turn. */
  static List<HeaderField> fields(String... namesAndValues) {
    List<HeaderField> fields = new ArrayList<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.add(HeaderField.of(namesAndValues[i], namesAndValues[i + 1]));
    }
    return fields;
  }

  /** Reads the next frame; null at the end of the connection. */
  Frame next() throws IOException {
    return reader.read();
  }

  /** Reads frames up to one of this type; null if there is none. */
  Frame expect(int type) throws IOException {
    Frame frame = next();
    while (frame != null && frame.type() != type) {
      if (frame.type() == Frame.HEADERS) {
        decode(frame);
      }
      frame = next();
    }
    return frame;
  }

  List<HeaderField> decode(Frame headers) throws IOException {
    return decoder.decode(headers.payload(), 0, headers.payload().length).fields();
  }

  /** Reads a head or trailers. */
  List<HeaderField> fields() throws IOException {
    return decode(expect(Frame.HEADERS));
  }

  /** Reads frames up to GOAWAY, and returns its code; null if the connection ends without one. */
  ErrorCode goAway() throws IOException {
    Frame frame = expect(Frame.GOAWAY);
    return frame == null ? null : ErrorCode.of(frame.word(4));
  }

  /** Reads frames up to RST_STREAM, and returns its code. */
  ErrorCode reset() throws IOException {
    return ErrorCode.of(expect(Frame.RST_STREAM).word(0));
  }

  /** Returns the frames that follow until the connection ends, as text. */
  String rest() throws IOException {
    StringBuilder rest = new StringBuilder();
    for (Frame frame = next(); frame != null; frame = next()) {
      rest.append(frame.type()).append(' ');
    }
    return rest.toString().strip();
  }

  void endOfOutput() throws IOException {
    socket.shutdownOutput();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
