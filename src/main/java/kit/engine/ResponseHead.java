// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.net.ProtocolException;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse.ResponseInfo;
import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The head of a response, checked by RFC 9112, sections 4, 5 and 6.3. The fields are made into a map
 * when they are first asked for.
 *
 * <p>Thread-safe.
 */
final class ResponseHead implements ResponseInfo {
  private static final int STATUS_LINE = "HTTP/1.1 200".length();
  private static final int MAX_FIELDS = 200;

  private final String lines; // Each with its CR LF; one character for each byte.
  private final int status;
  private final int minorVersion;
  private final boolean keepsAlive;
  private final long length;
  private volatile HttpHeaders headers; // Null until they are asked for.

  /**
   * Parses the head of a response to {@code method}.
   *
   * @param lines without control characters, but for tabs and the CR LF of each
   * @throws ProtocolException if it is malformed or ambiguous; its message does not quote the head
   */
  ResponseHead(String lines, String method) throws ProtocolException {
    this.lines = lines;
    int lineEnd = lines.indexOf('\r');
    if (lineEnd < STATUS_LINE || !lines.startsWith("HTTP/1.") || lines.charAt(8) != ' ') {
      throw new ProtocolException("malformed status line");
    }
    this.minorVersion = digit(7);
    this.status = 100 * digit(9) + 10 * digit(10) + digit(11);
    if (status < 100 || lineEnd > STATUS_LINE && lines.charAt(STATUS_LINE) != ' ') {
      throw new ProtocolException("malformed status line");
    }
    Framing framing = new Framing(lineEnd + 2);
    boolean keep = minorVersion > 0 || framing.hasKeepAlive;
    this.keepsAlive = keep && !framing.hasClose;
    boolean endsWithHead = method.equals("HEAD") || status == 204 || status == 304 || isInterim();
    this.length = endsWithHead ? 0 : framing.length();
  }

  private int digit(int index) throws ProtocolException {
    int digit = lines.charAt(index) - '0';
    if (digit < 0 || digit > 9) {
      throw new ProtocolException("malformed status line");
    }
    return digit;
  }

  /** Returns whether another response to the same request follows. */
  boolean isInterim() {
    return status < 200;
  }

  /** Returns the length of the body in bytes, or how it ends: see {@link MessageBody}. */
  long length() {
    return length;
  }

  /** Returns whether the connection can have another request after the body. */
  boolean keepsAlive() {
    return keepsAlive && length != MessageBody.UNTIL_CLOSE;
  }

  @Override
  public int statusCode() {
    return status;
  }

  @Override
  public HttpClient.Version version() {
    return HttpClient.Version.HTTP_1_1;
  }

  @Override
  public HttpHeaders headers() {
    HttpHeaders known = headers;
    if (known == null) {
      known = HttpHeaders.of(new Fields(), (name, value) -> true);
      headers = known;
    }
    return known;
  }

  /** Checks the fields, and finds those that bound the message. */
  private final class Framing {
    private boolean hasLength;
    private long contentLength; // Negative: not a number.
    private boolean isAmbiguous; // There are several lengths.
    private String coding; // Null: none.
    private boolean hasClose;
    private boolean hasKeepAlive;

    Framing(int from) throws ProtocolException {
      int count = 0;
      for (int at = from; at < lines.length(); count++) {
        int end = lines.indexOf('\r', at);
        int colon = lines.indexOf(':', at);
        if (colon > end || !Tokens.isToken(lines, at, colon)) {
          throw new ProtocolException("malformed name of a header field");
        }
        if (count == MAX_FIELDS) {
          throw new ProtocolException("more than " + MAX_FIELDS + " header fields");
        }
        switch (colon - at) { // Few names have these lengths.
          case 10 -> connection(at, colon, end);
          case 14 -> contentLength(at, colon, end);
          case 17 -> transferEncoding(at, colon, end);
          default -> {}
        }
        at = end + 2;
      }
    }

    private boolean isNamed(String name, int at) {
      return lines.regionMatches(true, at, name, 0, name.length());
    }

    private String value(int colon, int end) {
      return lines.substring(colon + 1, end).trim(); // Of blanks and tabs.
    }

    private void connection(int at, int colon, int end) {
      if (isNamed("Connection", at)) {
        for (String option : value(colon, end).split(",")) {
          hasClose |= option.trim().equalsIgnoreCase("close");
          hasKeepAlive |= option.trim().equalsIgnoreCase("keep-alive");
        }
      }
    }

    private void contentLength(int at, int colon, int end) {
      if (isNamed("Content-Length", at)) {
        long value = parse(value(colon, end));
        isAmbiguous |= hasLength && value != contentLength;
        hasLength = true;
        contentLength = value;
      }
    }

    private void transferEncoding(int at, int colon, int end) throws ProtocolException {
      if (isNamed("Transfer-Encoding", at)) {
        boolean isChunked = value(colon, end).equalsIgnoreCase("chunked");
        coding = coding == null && isChunked ? "chunked" : "other";
      }
    }

    long length() throws ProtocolException {
      if (isAmbiguous) {
        throw new ProtocolException("Content-Length with different values");
      }
      if (hasLength && contentLength < 0) {
        throw new ProtocolException("Content-Length is not a number up to " + Long.MAX_VALUE);
      }
      if (coding == null) {
        return hasLength ? contentLength : MessageBody.UNTIL_CLOSE;
      }
      if (hasLength) {
        throw new ProtocolException("Content-Length beside Transfer-Encoding");
      }
      if (minorVersion == 0) {
        throw new ProtocolException("Transfer-Encoding in HTTP/1.0");
      }
      if (!coding.equals("chunked")) {
        throw new ProtocolException("Transfer-Encoding is not chunked");
      }
      return MessageBody.CHUNKED;
    }

    /** Returns a number of any number of digits; -1 if it is none, or too large. */
    private static long parse(String digits) {
      long value = digits.isEmpty() ? -1 : 0;
      for (int i = 0; i < digits.length() && value >= 0; i++) {
        int digit = digits.charAt(i) - '0';
        boolean fits = digit >= 0 && digit <= 9 && value <= (Long.MAX_VALUE - digit) / 10;
        value = fits ? 10 * value + digit : -1;
      }
      return value;
    }
  }

  /** The fields by their names, in any case. */
  private final class Fields extends AbstractMap<String, List<String>> {
    private final List<Entry<String, List<String>>> entries = new ArrayList<>();

    Fields() {
      for (int at = lines.indexOf('\r') + 2; at < lines.length(); ) {
        int end = lines.indexOf('\r', at);
        int colon = lines.indexOf(':', at);
        add(lines.substring(at, colon), lines.substring(colon + 1, end).trim());
        at = end + 2;
      }
    }

    private void add(String name, String value) {
      for (Entry<String, List<String>> known : entries) { // At most MAX_FIELDS.
        if (known.getKey().equalsIgnoreCase(name)) {
          List<String> values = new ArrayList<>(known.getValue());
          values.add(value);
          known.setValue(values);
          return;
        }
      }
      entries.add(new SimpleEntry<>(name, List.of(value)));
    }

    @Override
    public Set<Entry<String, List<String>>> entrySet() {
      return new AbstractSet<>() {
        @Override
        public Iterator<Map.Entry<String, List<String>>> iterator() {
          return entries.iterator();
        }

        @Override
        public int size() {
          return entries.size();
        }
      };
    }
  }
}
