// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.util.List;
import java.util.Random;

/** Well-formed conversations of a client, and mutated ones: the same for the same seed. */
final class Mutations {
  /** The request at the end of a conversation: its response shows that the connection was open. */
  static final String SENTINEL = "GET /sentinel HTTP/1.1\r\nHost: sentinel\r\n\r\n";

  private static final String SPECIAL = "\r\n \t:;,/.%aH10-_\0\u007f\u0080\u00ff\"{";

  private static final List<String> REQUESTS =
      List.of(
          "GET /user/7?x=y HTTP/1.1\r\nHost: a:80\r\nX-One: 1\r\nAccept: */*\r\n\r\n",
          "DELETE /a%20b HTTP/1.1\r\nHost: a\r\nX: \r\nConnection: keep-alive\r\n\r\n",
          "HEAD / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
          "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
          "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nhello, world",
          "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
          "PUT /c HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
          "POST /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
          "POST /d HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nHost: a\r\n\r\n"
              + "00a;b=\"c\"\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n",
          "POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab");

  private static final List<String> PIECES =
      List.of(
          "\r\n",
          "\r\n\r\n",
          "\r\n ",
          "0\r\n\r\n",
          "Host: a\r\n",
          "Content-Length: 3\r\n",
          "Content-Length: 0\r\n",
          "content-length: 9999999999\r\n",
          "Transfer-Encoding: chunked\r\n",
          "Transfer-Encoding: identity\r\n",
          "Connection: close\r\n",
          "Expect: 100-continue\r\n",
          "Trailer: x\r\n",
          "HTTP/1.1",
          "80000000",
          "100000000",
          "x".repeat(1200));

  private final Random random;

  Mutations(long seed) {
    random = new Random(seed);
  }

  /** Returns one to three requests, with up to four changes, and mostly one more request. */
  String next() {
    StringBuilder text = new StringBuilder();
    for (int count = random.nextInt(3); count >= 0; count--) {
      text.append(REQUESTS.get(random.nextInt(REQUESTS.size())));
    }
    for (int changes = random.nextInt(5); changes > 0 && text.length() > 0; changes--) {
      change(text);
    }
    if (random.nextInt(5) > 0) {
      text.append(SENTINEL);
    }
    return text.toString();
  }

  private void change(StringBuilder text) {
    int at = random.nextInt(text.length());
    char c = SPECIAL.charAt(random.nextInt(SPECIAL.length()));
    int end = Math.min(text.length(), at + 1 + random.nextInt(20));
    switch (random.nextInt(8)) {
      case 0, 1 -> text.setCharAt(at, c);
      case 2, 3 -> text.insert(at, c);
      case 4 -> text.deleteCharAt(at);
      case 5 -> text.delete(at, end);
      case 6 -> text.insert(at, text.substring(at, end));
      default -> insertPiece(text, at);
    }
  }

  /** Inserts a piece, mostly at the beginning of a line, where it can have a meaning. */
  private void insertPiece(StringBuilder text, int from) {
    int line = text.indexOf("\n", from);
    int at = line < 0 || random.nextInt(4) == 0 ? from : line + 1;
    text.insert(at, PIECES.get(random.nextInt(PIECES.size())));
  }

  /** Returns the length of the next piece of a conversation that arrives in pieces. */
  int pieceLength(int most) {
    return 1 + random.nextInt(most);
  }
}
