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
    busy(seconds, many);
    System.out.println();
    inFlight(seconds, many);
  }

  private static Candidate service(String... more) {
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
                "20000"));
    command.addAll(List.of(more));
    return new Candidate("user-service", Candidate.OURS, command);
  }

  private static void busy(int seconds, int many) throws Exception {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("connections", "requests/s", "p50", "p99", "idle ones lost", "resident"));
    try (Server server = Server.start(service())) {
      Load.run(server.port, 32, 2 * seconds); // The compiler's turn.
      for (int connections : new int[] {32, 256, 1000, many}) {
        Load.Result load = Load.run(server.port, connections, seconds);
        rows.add(row(text("%,d busy", connections), load, "", server.residentMib()));
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
    MarkdownTable.print(rows);
  }

  private static List<String> row(
      String connections, Load.Result load, String lost, double residentMib) {
    return List.of(
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

  private static void inFlight(int seconds, int many) throws Exception {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("in flight, 100 ms each", "requests/s", "of ideal", "p50", "p99", "resident"));
    try (Server server = Server.start(service("--delay", "100ms"))) {
      for (int connections : new int[] {1, 10, 100, 1000, many}) {
        Load.run(server.port, connections, seconds); // The compiler's turn, and the threads'.
        Load.Result load = Load.run(server.port, connections, seconds);
        rows.add(
            List.of(
                text("%,d", connections),
                text("%,.0f", load.perSecond()),
                text("%.2f", load.perSecond() / (connections * 10)),
                text("%.1f ms", load.p50Millis()),
                text("%.1f ms", load.p99Millis()),
                text("%.0f MiB", server.residentMib())));
      }
    }
    MarkdownTable.print(rows);
  }

  private static String text(String format, Object number) {
    return String.format(Locale.ROOT, format, number);
  }
}
