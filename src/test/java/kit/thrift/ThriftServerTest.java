// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import kit.engine.EngineSettings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The server, byte by byte. */
@Timeout(60)
class ThriftServerTest {
  private static final String ADD_2_3 =
      "80010001 00000003 616464 00000007 08 0001 00000002 08 0002 00000003 00";
  private static final String RESULT_5 = "80010002 00000003 616464 00000007 08 0000 00000005 00";

  private final Calculator calculator = new Calculator();
  private final ThriftServer server = calculator.server();
  private final int port =
      server
          .bind(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
              EngineSettings.defaults()
                  .withTimeouts(
                      Duration.ofMillis(500), Duration.ofMillis(500), Duration.ofSeconds(10)))
          .getPort();
  private final Socket client = new Socket();

  ThriftServerTest() throws IOException {
    server.start();
    client.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    client.setSoTimeout(20_000);
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    server.stop(Duration.ZERO);
  }

  private static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex.replace(" ", ""));
  }

  private void send(String hex) throws IOException {
    byte[] message = bytes(hex);
    client
        .getOutputStream()
        .write(ByteBuffer.allocate(4 + message.length).putInt(message.length).put(message).array());
  }

  private String receive() throws IOException {
    InputStream in = client.getInputStream();
    int length = ByteBuffer.wrap(in.readNBytes(4)).getInt();
    return HexFormat.of().formatHex(in.readNBytes(length));
  }

  private void assertReceives(String hex) throws IOException {
    assertThat(receive()).isEqualTo(hex.replace(" ", ""));
  }

  @Test
  void callsHaveResponsesInTheirOrder() throws Exception {
    send(ADD_2_3);
    send(ADD_2_3);
    assertReceives(RESULT_5);
    assertReceives(RESULT_5);
  }

  @Test
  void declaredException() throws Exception {
    send("80010001 00000003 616464 00000007 08 0001 7fffffff 08 0002 00000001 00");
    assertReceives(
        "80010002 00000003 616464 00000007 0c 0001 0b 0001 00000007 746f6f20626967 00 00");
  }

  @ParameterizedTest
  @CsvSource({
    "80010001 00000004 6e6f7065 00000007 00, 00000001, unknown method",
    "80010001 00000003 616464 00000007 08 0001 ffffffff 00, 00000006, "
        + "the request could not be completed",
    "80010001 00000003 616464 00000007 08 0001 fffffffd 00, 0000002a, 'no: \u00fcn\u00ef'",
    "80010001 00000004 6563686f 00000007 00, 00000007, malformed arguments: no work"
  })
  void undeclaredException(String call, String type, String text) throws Exception {
    send(call);
    String response = receive();
    String hex = HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    assertThat(response).startsWith("80010003").contains(hex).endsWith("080002" + type + "00");
    send(ADD_2_3);
    assertReceives(RESULT_5);
  }

  @Test
  void fieldsThatAreUnknownAreSkipped() throws Exception {
    send(
        "80010001 00000003 616464 00000007 08 0001 00000002 0b 0009 00000001 61"
            + " 0d 000a 0b 08 00000001 00000001 61 00000001 08 0002 00000003 00");
    assertReceives(RESULT_5);
  }

  @Test
  void onewayCallHasNoResponse() throws Exception {
    send("80010004 00000003 7a6970 00000001 00");
    calculator.zipped.await();
    send("80010001 00000003 7a6970 00000001 00"); // As old clients send it.
    send("80010004 00000003 616464 00000007 00");
    send("80010004 00000004 6e6f7065 00000001 00");
    send(ADD_2_3);
    assertReceives(RESULT_5);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "00000000", // No message.
        "00400001 80", // One byte too long.
        "00000004 00000000", // Not strict.
        "00000008 80020001 00000000", // Another version.
        "0000000b 80010001 7fffffff 616464", // A name longer than the frame.
        "0000000b 80010001 00000003 616464", // No sequence number.
        "0000000f 80010002 00000003 616464 00000007", // A reply.
        "00ffffff 8001" // Cut off by the time limit.
      })
  void malformedMessageEndsTheConnection(String hex) throws Exception {
    client.getOutputStream().write(bytes(hex));
    assertThat(client.getInputStream().read()).isNegative();
  }

  @ParameterizedTest
  @ValueSource(strings = {"7fffffff 8001", "ffffffff 8001", "80010001 00000003", "16030100"})
  void otherProtocolsEnd(String hex) throws Exception {
    client.getOutputStream().write(bytes(hex));
    client.shutdownOutput();
    byte[] response = client.getInputStream().readAllBytes(); // An error of HTTP, or nothing.
    assertThat(new String(response, StandardCharsets.ISO_8859_1)).doesNotContain("200 OK");
  }

  @Test
  void httpIsTold() throws Exception {
    String request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    String response = new String(client.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    assertThat(response).startsWith("HTTP/1.1 505 ").endsWith("this port serves Thrift\n");
  }

  @Test
  void callsInFlightEndBeforeTheServerStops() throws Exception {
    send(ADD_2_3);
    assertReceives(RESULT_5);
    server.stop(Duration.ofSeconds(30)); // At once: none is in flight.
    server.stop(Duration.ZERO);
    assertThat(client.getInputStream().read()).isNegative();
  }

  @Test
  void damagedCallsAreAnsweredOrEndTheConnection() throws Exception {
    Random random = new Random(28);
    byte[] work =
        Calculator.ECHO.call(
            7, new Calculator.Work(1, 2, "note", List.of(1L, 2L), Map.of("k", 1.5), true));
    ThriftServer memory = calculator.server();
    for (int i = 0; i < Integer.getInteger("thrift.damaged", 20_000); i++) {
      byte[] call = work.clone();
      for (int change = random.nextInt(4); change >= 0; change--) {
        call[4 + random.nextInt(call.length - 4)] = (byte) random.nextInt();
      }
      try {
        memory.response(ThriftMessage.read(new ByteArrayInputStream(call), 1 << 20));
      } catch (IOException e) {
        assertThat(e).isInstanceOfAny(ProtocolException.class, EOFException.class);
      }
    }
  }

  @Test
  void misuse() {
    for (int bytes : new int[] {0, 1 << 24}) {
      assertThatThrownBy(() -> new ThriftServer(bytes))
          .hasMessage("maxMessageBytes not in 1..16777215: " + bytes);
    }
    assertThatThrownBy(() -> calculator.server().add(Calculator.ADD, (context, sum) -> 1))
        .hasMessage("duplicate method: add");
    assertThatThrownBy(() -> Calculator.ZIP.declaring(1, Exception.class, null))
        .isInstanceOf(IllegalStateException.class);
  }
}
