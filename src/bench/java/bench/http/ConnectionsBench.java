// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Measures the user service with more and more connections: busy ones, idle ones beside them, and
 * requests in flight that take 100 ms each.
 */
final class ConnectionsBench {
  private static final byte[] REQUEST =
      "GET /health HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private ConnectionsBench() {}

  /** Takes the seconds of each measurement, and the number that is many. */
  public static void main(String... args) throws Exception {
    int seconds = Integer.parseInt(args[0]);
    int many = Integer.parseInt(args[1]);
    List<List<String>> busy = new ArrayList<>();
    busy.add(
        List.of("engine", "connections", "requests/s", "p50", "p99", "idle ones lost", "resident"));
    List<List<String>> inFlight = new ArrayList<>();
    inFlight.add(
        List.of(
            "engine",
            "in flight, 100 ms each",
            "requests/s",
            "of ideal",
            "p50",
            "p99",
            "resident"));
    for (String engine : List.of("jdk", "kit")) {
      busy(engine, seconds, many, busy);
      inFlight(engine, seconds, many, inFlight);
    }
    MarkdownTable.print(busy);
    System.out.println();
    MarkdownTable.print(inFlight);
  }

  private static Candidate service(String engine, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "userservice.Main",
                "--name",
                "userservice",
                "--port",
                "PORT",
                "--registry",
                "none",
                "--max-in-flight",
                "20000",
                "--engine",
                engine));
    command.addAll(List.of(more));
    return new Candidate("user-service", Candidate.OURS, command);
  }

  private static void busy(String engine, int seconds, int many, List<List<String>> rows)
      throws Exception {
    try (Server server = Server.start(service(engine))) {
      Load.run(server.port, 32, 2 * seconds); // The compiler's turn.
      for (int connections : new int[] {32, 256, 1000, many}) {
        Load.Result load = Load.run(server.port, connections, seconds);
        rows.add(row(engine, text("%,d busy", connections), load, "", server.residentMib()));
      }
      List<SocketChannel> idle = new ArrayList<>();
      try {
        for (int i = 0; i < many; i++) {
          idle.add(connect(server.port));
        }
        for (int connections : new int[] {32, 1000}) {
          Load.Result load = Load.run(server.port, connections, seconds);
          rows.add(
              row(
                  engine,
                  text("%,d idle, ", many) + text("%,d busy", connections),
                  load,
                  Integer.toString(lost(idle)),
                  server.residentMib()));
        }
      } finally {
        for (SocketChannel one : idle) {
          one.close();
        }
      }
    }
  }

  private static List<String> row(
      String engine, String connections, Load.Result load, String lost, double residentMib) {
    return List.of(
        engine,
        connections,
        text("%,.0f", load.perSecond()),
        text("%.1f ms", load.p50Millis()),
        text("%.1f ms", load.p99Millis()),
        lost,
        text("%.0f MiB", residentMib));
  }

  private static SocketChannel connect(int port) throws IOException {
    SocketChannel channel = SocketChannel.open(new InetSocketAddress("127.0.0.1", port));
    if (!ask(channel)) {
      throw new IOException("not answered");
    }
    return channel;
  }

  /** Returns whether there is a response; nothing in it is larger than a buffer. */
  private static boolean ask(SocketChannel channel) throws IOException {
    channel.write(ByteBuffer.wrap(REQUEST));
    ByteBuffer buffer = ByteBuffer.allocate(4096);
    ByteArrayOutputStream answer = new ByteArrayOutputStream();
    while (channel.read(buffer.clear()) > 0) {
      answer.write(buffer.array(), 0, buffer.position());
      if (answer.toString(StandardCharsets.US_ASCII).endsWith("\r\n\r\n{\"status\":\"ok\"}")) {
        return true;
      }
    }
    return false;
  }

  /** Returns how many cannot be used any more. */
  private static int lost(List<SocketChannel> idle) {
    int lost = 0;
    for (SocketChannel one : idle) {
      try {
        lost += ask(one) ? 0 : 1;
      } catch (IOException e) {
        lost++;
      }
    }
    return lost;
  }

  private static void inFlight(String engine, int seconds, int many, List<List<String>> rows)
      throws Exception {
    try (Server server = Server.start(service(engine, "--delay", "100ms"))) {
      for (int connections : new int[] {1, 10, 100, 1000, many}) {
        Load.run(server.port, connections, seconds); // The compiler's turn, and the threads'.
        Load.Result load = Load.run(server.port, connections, seconds);
        rows.add(
            List.of(
                engine,
                text("%,d", connections),
                text("%,.0f", load.perSecond()),
                text("%.2f", load.perSecond() / (connections * 10)),
                text("%.1f ms", load.p50Millis()),
                text("%.1f ms", load.p99Millis()),
                text("%.0f MiB", server.residentMib())));
      }
    }
  }

  private static String text(String format, Object number) {
    return String.format(Locale.ROOT, format, number);
  }
}
