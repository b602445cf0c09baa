// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import java.io.EOFException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;

/**
 * Reads heads and trailers by the grammar of RFC 9112 and nothing else: lines end with CR LF, one
 * blank separates the parts of the request line, a colon follows the name of a field, no line is
 * folded.
 *
 * <p>Used by one thread at a time.
 */
final class HeadReader {
  private static final byte[] RESPONSE = {'H', 'T', 'T', 'P', '/'};

  private final Input input;
  private final EngineSettings settings;

  HeadReader(Input input, EngineSettings settings) {
    this.input = input;
    this.settings = settings;
  }

  /**
   * Reads a head, whose first byte is in the buffer. It stays there until the head has arrived, so
   * this can be called again after a {@link java.net.SocketTimeoutException}.
   *
   * @throws BadRequest if it is malformed or too large
   * @throws EOFException if the connection ends in it: that is not a request
   */
  Head read() throws IOException {
    skipEmptyLine();
    String head = readLines("a head", true);
    int line = head.indexOf('\r');
    int first = head.indexOf(' ');
    int last = head.lastIndexOf(' ', line);
    if (first < 0 || last <= first) {
      throw new BadRequest(400, "malformed request line");
    }
    String method = head.substring(0, first);
    String target = head.substring(first + 1, last);
    String version = head.substring(last + 1, line);
    if (!Tokens.isToken(method) || !Tokens.isTarget(target)) {
      throw new BadRequest(400, "malformed request line");
    }
    return Head.of(method, uri(target), minorVersion(version), fields(head, line + 2));
  }

  /** One empty line before a request is ignored: RFC 9112, section 2.2. */
  private void skipEmptyLine() throws IOException {
    if (input.peek(0) != '\r') {
      return;
    }
    while (input.available() < 3) { // The empty line and the first byte of the request.
      if (!input.fill()) {
        throw new EOFException("connection closed before a request");
      }
    }
    if (input.peek(1) == '\n') {
      input.take(2);
    }
  }

  /** Reads the trailers of a chunked body, with the empty line after them. */
  Headers readTrailers() throws IOException {
    return fields(readLines("trailers", false), 0);
  }

  /**
   * Reads the lines of the head of a response, which stays in the buffer until it has arrived; see
   * {@link #read}.
   */
  String readResponse() throws IOException {
    if (!input.startsWith(RESPONSE)) { // A peer of another protocol may send no line end at all.
      for (int i = 0; i < Math.min(RESPONSE.length, input.available()); i++) {
        if (input.peek(i) != RESPONSE[i]) {
          throw new BadRequest(400, "malformed status line");
        }
      }
    }
    return readLines("a head", true);
  }

  /** Reads up to an empty line, and returns the lines before it, each with its CR LF. */
  private String readLines(String what, boolean isHead) throws IOException {
    int lineStart = 0;
    int last = 0;
    for (int i = 0; ; i++) {
      if (i == input.available() && !input.fill()) {
        if (input.hasRoom()) {
          throw new EOFException("connection closed within " + what);
        }
        boolean isRequestLine = isHead && lineStart == 0;
        throw new BadRequest(isRequestLine ? 414 : 431, what + " that is too large");
      }
      int c = input.peek(i);
      if ((last == '\r') != (c == '\n') || !Tokens.isInValue(c) && c != '\r' && c != '\n') {
        throw new BadRequest(400, "control character in " + what);
      }
      last = c;
      if (c == '\n' && i - 1 > lineStart) {
        lineStart = i + 1;
      } else if (c == '\n') {
        if (isHead && lineStart == 0) {
          throw new BadRequest(400, "empty request line");
        }
        String lines = input.take(lineStart);
        input.take(2);
        return lines;
      }
    }
  }

  private static int minorVersion(String version) throws BadRequest {
    boolean isVersion = version.length() == 8 && version.startsWith("HTTP/");
    if (!isVersion || version.charAt(6) != '.' || !isDigit(version, 5) || !isDigit(version, 7)) {
      throw new BadRequest(400, "malformed version");
    }
    if (version.charAt(5) != '1') {
      throw new BadRequest(505, "HTTP version is not 1");
    }
    return version.charAt(7) - '0';
  }

  private static boolean isDigit(String text, int index) {
    return text.charAt(index) >= '0' && text.charAt(index) <= '9';
  }

  private static URI uri(String target) throws BadRequest {
    try {
      return new URI(target);
    } catch (URISyntaxException e) {
      throw new BadRequest(400, "malformed request target");
    }
  }

  /** Returns the fields of complete lines. */
  private Headers fields(String lines, int from) throws BadRequest {
    Headers fields = new Headers();
    int count = 0;
    for (int at = from; at < lines.length(); ) {
      int end = lines.indexOf('\r', at);
      int colon = lines.indexOf(':', at);
      String name = colon >= 0 && colon < end ? lines.substring(at, colon) : "";
      if (!Tokens.isToken(name)) {
        throw new BadRequest(400, "malformed name of a header field");
      }
      if (++count > settings.maxFields()) {
        throw new BadRequest(431, "more than " + settings.maxFields() + " header fields");
      }
      fields.add(name, lines.substring(colon + 1, end).trim()); // Blanks and tabs: see readLines.
      at = end + 2;
    }
    return fields;
  }
}
