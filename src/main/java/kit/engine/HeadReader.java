// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import java.io.EOFException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;

/**
 * Reads heads and trailers, as bytes, by the grammar of RFC 9112 and nothing else: lines end with
 * CR LF, one blank separates the parts of the request line, a colon follows the name of a field, no
 * line is folded.
 *
 * <p>Used by one thread at a time.
 */
final class HeadReader {
  private static final int CR = '\r';
  private static final int LF = '\n';
  private static final int VERSION_LENGTH = "HTTP/1.1".length();
  private static final String[] METHODS = {
    "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"
  };

  private final Input input;
  private final EngineSettings settings;

  HeadReader(Input input, EngineSettings settings) {
    this.input = input;
    this.settings = settings;
  }

  /**
   * Reads a head, whose first byte is in the buffer.
   *
   * @throws BadRequest if it is malformed or too large
   * @throws EOFException if the connection ends in it: that is not a request
   */
  Head read() throws IOException {
    skipEmptyLine();
    int length = findEnd("a head", true);
    byte[] bytes = input.array();
    int from = input.offset();
    int end = from + length - 2; // Without the empty line.
    int line = endOfLine(bytes, from);

    int methodEnd = from;
    while (Tokens.isToken(bytes[methodEnd])) {
      methodEnd++;
    }
    int targetEnd = methodEnd + 1;
    while (bytes[targetEnd] > 0x20 && bytes[targetEnd] < 0x7f) {
      targetEnd++;
    }
    boolean isLine =
        methodEnd > from
            && bytes[methodEnd] == ' '
            && targetEnd > methodEnd + 1
            && targetEnd + 1 + VERSION_LENGTH == line
            && bytes[targetEnd] == ' ';
    if (!isLine) {
      throw new BadRequest(400, "malformed request line");
    }
    int minorVersion = minorVersion(bytes, targetEnd + 1);
    String method = method(bytes, from, methodEnd - from);
    URI target = target(text(bytes, methodEnd + 1, targetEnd));
    Headers fields = fields(bytes, line + 2, end);
    input.skip(length);
    return Head.of(method, target, minorVersion, fields);
  }

  /** One empty line before a request is ignored: RFC 9112, section 2.2. */
  private void skipEmptyLine() throws IOException {
    if (input.peek(0) != CR) {
      return;
    }
    while (input.available() < 3) { // The empty line and the first byte of the request.
      if (!input.fill()) {
        throw new EOFException("connection closed before a request");
      }
    }
    if (input.peek(1) == LF) {
      input.skip(2);
    }
  }

  /** Reads the trailers of a chunked body, with the empty line after them. */
  Headers readTrailers() throws IOException {
    int length = findEnd("trailers", false);
    int from = input.offset();
    Headers trailers = fields(input.array(), from, from + length - 2);
    input.skip(length);
    return trailers;
  }

  /**
   * Returns the length of what the buffer has up to an empty line, that line included; reads until
   * it is there.
   */
  private int findEnd(String what, boolean isHead) throws IOException {
    int lineStart = 0;
    for (int i = 0; ; i++) {
      while (i >= input.available()) {
        if (!input.hasRoom()) {
          boolean isRequestLine = isHead && lineStart == 0;
          throw new BadRequest(isRequestLine ? 414 : 431, what + " that is too large");
        }
        if (!input.fill()) {
          throw new EOFException("connection closed within " + what);
        }
      }
      int c = input.peek(i);
      boolean afterCr = i > 0 && input.peek(i - 1) == CR;
      if (afterCr != (c == LF) || !Tokens.isInValue(c) && c != CR && c != LF) {
        throw new BadRequest(400, "control character in " + what);
      }
      if (c == LF) {
        boolean isEmptyLine = i - 1 == lineStart;
        if (isEmptyLine && isHead && lineStart == 0) {
          throw new BadRequest(400, "empty request line");
        }
        if (isEmptyLine) {
          return i + 1;
        }
        lineStart = i + 1;
      }
    }
  }

  private static int endOfLine(byte[] bytes, int from) {
    int end = from;
    while (bytes[end] != CR) {
      end++;
    }
    return end;
  }

  private static int minorVersion(byte[] bytes, int at) throws BadRequest {
    boolean isVersion = bytes[at] == 'H' && bytes[at + 1] == 'T' && bytes[at + 2] == 'T';
    isVersion &= bytes[at + 3] == 'P' && bytes[at + 4] == '/' && bytes[at + 6] == '.';
    int major = bytes[at + 5] - '0';
    int minor = bytes[at + 7] - '0';
    if (!isVersion || major < 0 || major > 9 || minor < 0 || minor > 9) {
      throw new BadRequest(400, "malformed version");
    }
    if (major != 1) {
      throw new BadRequest(505, "HTTP version is not 1");
    }
    return minor;
  }

  private static String method(byte[] bytes, int from, int length) {
    for (String known : METHODS) {
      if (known.length() == length && isAt(known, bytes, from)) {
        return known;
      }
    }
    return text(bytes, from, from + length);
  }

  private static boolean isAt(String text, byte[] bytes, int from) {
    for (int i = 0; i < text.length(); i++) {
      if (bytes[from + i] != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private static URI target(String text) throws BadRequest {
    try {
      return new URI(text);
    } catch (URISyntaxException e) {
      throw new BadRequest(400, "malformed request target");
    }
  }

  /** Returns the fields of complete lines. */
  private Headers fields(byte[] bytes, int from, int end) throws BadRequest {
    Headers fields = new Headers();
    int count = 0;
    int at = from;
    while (at < end) {
      int line = endOfLine(bytes, at);
      int colon = at;
      while (Tokens.isToken(bytes[colon])) {
        colon++;
      }
      if (colon == at || bytes[colon] != ':') {
        throw new BadRequest(400, "malformed name of a header field");
      }
      if (++count > settings.maxFields()) {
        throw new BadRequest(431, "more than " + settings.maxFields() + " header fields");
      }
      fields.add(text(bytes, at, colon), value(bytes, colon + 1, line));
      at = line + 2;
    }
    return fields;
  }

  private static String value(byte[] bytes, int from, int end) {
    int first = from;
    while (first < end && isBlank(bytes[first])) {
      first++;
    }
    int last = end;
    while (last > first && isBlank(bytes[last - 1])) {
      last--;
    }
    return text(bytes, first, last);
  }

  private static boolean isBlank(byte c) {
    return c == ' ' || c == '\t';
  }

  private static String text(byte[] bytes, int from, int end) {
    return new String(bytes, from, end - from, StandardCharsets.ISO_8859_1);
  }
}
