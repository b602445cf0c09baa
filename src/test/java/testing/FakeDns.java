// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A scripted DNS server, over UDP and TCP, which sends the responses of the test, faults included.
 * Tests with the DNS interface of Consul use a real agent.
 *
 * <p>Names without a script do not exist; other types of a scripted name are empty.
 */
public final class FakeDns implements AutoCloseable {
  private static final Map<String, Integer> TYPES = Map.of("A", 1, "AAAA", 28, "SRV", 33);
  private static final int NO_SUCH_NAME = 3;
  private static final int INTERNET = 1;
  private static final int TTL_SECONDS = 0;
  private static final int IS_RESPONSE = 0x8180; // Recursion desired and available.
  private static final int IS_TRUNCATED = 0x0200;

  private final DatagramSocket udp;
  private final ServerSocket tcp;
  private final Map<String, List<String>> records = new ConcurrentHashMap<>(); // By name and type.
  private final Map<String, Integer> errors = new ConcurrentHashMap<>(); // By name and type.
  private final List<String> questions = new CopyOnWriteArrayList<>();
  private final Random random = new Random(42);
  private volatile int mostRecords = Integer.MAX_VALUE;
  private volatile boolean isTruncating;
  private volatile boolean isSilent;

  public FakeDns() throws IOException {
    // TCP chooses: after tests with many connections, few of its ports are free, but all of UDP's.
    tcp = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"));
    udp = new DatagramSocket(tcp.getLocalPort(), tcp.getInetAddress());
    new Thread(this::serveUdp, "fake-dns-udp").start();
    new Thread(this::serveTcp, "fake-dns-tcp").start();
  }

  /** {@code 127.0.0.1:port}. */
  public String authority() {
    return "127.0.0.1:" + udp.getLocalPort();
  }

  /** Sets the records of a name: addresses, or {@code "priority weight port target."}. */
  public FakeDns on(String name, String type, String... texts) {
    errors.remove(name + " " + type);
    records.put(name + " " + type, List.of(texts));
    return this;
  }

  /** From now on the name does not exist. */
  public void forget(String name) {
    records.keySet().removeIf(key -> key.startsWith(name + " "));
  }

  /** Responds with an error: 2 server failure, 5 refused. */
  public void fail(String name, String type, int code) {
    errors.put(name + " " + type, code);
  }

  /** Limits responses to a random sample of so many records, without truncation flag, as Consul. */
  public void sample(int mostRecords) {
    this.mostRecords = mostRecords;
  }

  /** Sets the truncation flag in responses over UDP. */
  public void truncate() {
    isTruncating = true;
  }

  /** Stops or resumes responding. */
  public void silent(boolean isSilent) {
    this.isSilent = isSilent;
  }

  /** The queries so far, as {@code "name type"}. */
  public List<String> questions() {
    return List.copyOf(questions);
  }

  @Override
  public void close() throws IOException {
    udp.close();
    tcp.close();
  }

  private void serveUdp() {
    byte[] buffer = new byte[512];
    while (!udp.isClosed()) {
      try {
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        udp.receive(packet);
        if (!isSilent) {
          byte[] answer = answer(ByteBuffer.wrap(buffer, 0, packet.getLength()), isTruncating);
          udp.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
        }
      } catch (IOException e) {
        // Closed, or the client has disconnected.
      }
    }
  }

  private void serveTcp() {
    while (!tcp.isClosed()) {
      try (Socket socket = tcp.accept()) {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        byte[] question = new byte[in.readUnsignedShort()];
        in.readFully(question);
        byte[] answer = answer(ByteBuffer.wrap(question), false);
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeShort(answer.length);
        out.write(answer);
      } catch (IOException e) {
        // Closed, or the client has disconnected.
      }
    }
  }

  private byte[] answer(ByteBuffer question, boolean isTruncated) throws IOException {
    int id = question.getShort(0);
    question.position(12); // The header.
    List<String> labels = new ArrayList<>();
    for (int length = question.get(); length > 0; length = question.get()) {
      byte[] label = new byte[length];
      question.get(label);
      labels.add(new String(label, US_ASCII));
    }
    String name = String.join(".", labels);
    int type = question.getShort();
    String key = name + " " + typeName(type);
    questions.add(key);
    boolean isKnown = records.keySet().stream().anyMatch(known -> known.startsWith(name + " "));
    int code = errors.getOrDefault(key, isKnown ? 0 : NO_SUCH_NAME);
    List<String> texts = new ArrayList<>();
    if (code == 0 && !isTruncated) {
      texts.addAll(records.getOrDefault(key, List.of()));
      Collections.shuffle(texts, random);
    }
    texts = texts.subList(0, Math.min(texts.size(), mostRecords));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeShort(id);
    out.writeShort(IS_RESPONSE | (isTruncated ? IS_TRUNCATED : 0) | code);
    out.writeShort(1); // Questions, answers, authorities, additional.
    out.writeShort(texts.size());
    out.writeInt(0);
    writeName(out, name);
    out.writeShort(type);
    out.writeShort(INTERNET);
    for (String text : texts) {
      byte[] data = data(typeName(type), text);
      writeName(out, name);
      out.writeShort(type);
      out.writeShort(INTERNET);
      out.writeInt(TTL_SECONDS);
      out.writeShort(data.length);
      out.write(data);
    }
    return bytes.toByteArray();
  }

  private static String typeName(int type) {
    return TYPES.entrySet().stream()
        .filter(entry -> entry.getValue() == type)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse(Integer.toString(type));
  }

  private static byte[] data(String type, String text) throws IOException {
    if (!type.equals("SRV")) {
      return InetAddress.getByName(text).getAddress();
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    String[] fields = text.split(" ", 4); // A target may have blanks.
    for (int i = 0; i < 3; i++) {
      out.writeShort(Integer.parseInt(fields[i]));
    }
    writeName(out, fields[3].replaceFirst("\\.$", ""));
    return bytes.toByteArray();
  }

  private static void writeName(DataOutputStream out, String name) throws IOException {
    for (String label : name.split("\\.")) {
      out.writeByte(label.length());
      out.write(label.getBytes(US_ASCII));
    }
    out.writeByte(0);
  }
}
