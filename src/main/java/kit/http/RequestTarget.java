// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Parses the target of an HTTP request (path and query) and rejects every ambiguous one.
 *
 * <p>Use it instead of {@link java.net.URI} wherever a server decides by path. {@code URI} parses
 * {@code //admin/x} as the path {@code /x} on the host {@code admin}, and its {@code getPath()}
 * decodes {@code %2F} to a separator; both have bypassed access rules. This class normalizes
 * nothing: a path that would need it is rejected.
 *
 * <pre>{@code
 * RequestTarget target = RequestTarget.parse("/user/J%C3%BCrgen?tag=a&tag=b", "localhost");
 * target.segments();      // [user, Jürgen]
 * target.query("tag");    // Optional[a]
 * target.queryAll("tag"); // [a, b]
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The raw path is split at each {@code /} first, then every segment is percent-decoded, once.
 * There are as many segments as slashes, so that a trailing slash shows as an empty last segment:
 *
 * <pre>
 *   /        [""]              /a/       ["a", ""]
 *   /a       ["a"]             /a%20b/c  ["a b", "c"]
 * </pre>
 *
 * <p>The accepted forms are the origin form ({@code /path?query}) and the absolute form ({@code
 * http://authority/path?query}), the latter only when its authority is the Host header's value,
 * ASCII case aside and port included.
 *
 * <p>In the path these are rejected: empty segments except the last; {@code .} and {@code ..}, raw
 * or encoded; {@code %2F}, backslash and control characters (C0, DEL, C1), raw or encoded; a raw
 * {@code ;}, which starts a parameter for some servers and is text for others; raw characters that
 * RFC 3986 does not allow there. A decoded segment therefore never holds a {@code /}. In the query
 * {@code +} is a space; a raw {@code ;} (some servers split there) and control characters are
 * rejected. Bytes that are not UTF-8, including overlong forms and surrogates, are rejected in
 * both.
 *
 * <h2>Errors</h2>
 *
 * <p>A rejected target is an {@link InvalidException} with the status of the response: 414 if path
 * or query is too long, else 400. Its message never quotes the target, so it can be sent to the
 * client.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable and thread-safe. Everything is checked in {@code parse}, in time linear in the
 * length of the target. A path without {@code %} and query allocates only the list and its strings.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs. With {@code com.sun.net.httpserver}, the
 * raw target is {@code exchange.getRequestURI().toString()}.
 *
 * <p>Sources: <a href="https://www.rfc-editor.org/rfc/rfc3986">RFC 3986</a> sections 2 and 3
 * (characters), <a href="https://www.rfc-editor.org/rfc/rfc9112#section-3.2">RFC 9112 section
 * 3.2</a> (forms), <a href="https://www.rfc-editor.org/rfc/rfc9110">RFC 9110</a> sections 4.1, 4.2
 * and 15.5.15 (lengths, http URIs, status 414).
 */
public final class RequestTarget {
  /**
   * The maximum length of the path, 8,000, which every recipient should support (RFC 9110 section
   * 4.1).
   */
  public static final int MAX_PATH_LENGTH = 8_000;

  /** The maximum length of the query without the question mark. */
  public static final int MAX_QUERY_LENGTH = 8_000;

  /** The maximum number of segments, which bounds the work of a router. */
  public static final int MAX_SEGMENTS = 64;

  /** The maximum number of parameters, too few for hash collisions to matter. */
  public static final int MAX_PARAMETERS = 256;

  // Allow-list: pchar of RFC 3986 without ';'.
  private static final String PATH_PUNCTUATION = "-._~!$&'()*+,=:@%";
  private static final boolean[] IN_PATH = letters(PATH_PUNCTUATION + "/");
  // Brackets are not in RFC 3986, but browsers send them unencoded: ?filter[name]=x.
  private static final boolean[] IN_QUERY = letters(PATH_PUNCTUATION + "/?[]");
  // No '@': user info is an error (RFC 9110 section 4.2.4).
  private static final boolean[] IN_AUTHORITY = letters("-._~!$&'()*+,;=:%[]");

  private final String rawPath;
  private final Optional<String> rawQuery;
  private final List<String> segments;
  private final Map<String, List<String>> parameters;

  private RequestTarget(String rawPath, Optional<String> rawQuery) {
    this.rawPath = rawPath;
    this.rawQuery = rawQuery;
    this.segments = parseSegments(rawPath);
    this.parameters = rawQuery.map(RequestTarget::parseQuery).orElse(Map.of());
  }

  /**
   * Parses and checks a target.
   *
   * @param rawTarget the target as received, still encoded
   * @param hostHeader the value of the Host header, empty without one; used only for the absolute
   *     form
   * @throws InvalidException if the target is rejected
   */
  public static RequestTarget parse(String rawTarget, String hostHeader) {
    requireNonNull(rawTarget, "rawTarget");
    requireNonNull(hostHeader, "hostHeader");
    int pathStart = rawTarget.startsWith("/") ? 0 : endOfAuthority(rawTarget, hostHeader);
    int questionMark = rawTarget.indexOf('?', pathStart);
    int pathEnd = questionMark < 0 ? rawTarget.length() : questionMark;
    if (pathEnd - pathStart > MAX_PATH_LENGTH) {
      throw new InvalidException(414, "path longer than " + MAX_PATH_LENGTH + " characters");
    }
    if (questionMark >= 0 && rawTarget.length() - questionMark - 1 > MAX_QUERY_LENGTH) {
      throw new InvalidException(414, "query longer than " + MAX_QUERY_LENGTH + " characters");
    }
    return new RequestTarget(
        // RFC 9112 section 3.2.1: an empty path (only in the absolute form) means "/".
        pathStart == pathEnd ? "/" : rawTarget.substring(pathStart, pathEnd),
        questionMark < 0 ? Optional.empty() : Optional.of(rawTarget.substring(questionMark + 1)));
  }

  /** Returns the path as received, still encoded, without query; starts with a slash. */
  public String rawPath() {
    return rawPath;
  }

  /** Returns the query, still encoded, without the question mark; empty without one. */
  public Optional<String> rawQuery() {
    return rawQuery;
  }

  /**
   * Returns the decoded segments of the path, at least one; the last is empty after a trailing
   * slash.
   */
  public List<String> segments() {
    return segments;
  }

  /** Returns the first decoded value of a parameter, blank for {@code ?name}; empty if absent. */
  public Optional<String> query(String name) {
    return queryAll(name).stream().findFirst();
  }

  /** Returns all decoded values of this parameter in the order sent; empty if it is absent. */
  public List<String> queryAll(String name) {
    return parameters.getOrDefault(requireNonNull(name, "name"), List.of());
  }

  /** Returns the decoded names of all parameters, in the order sent. */
  public Set<String> queryNames() {
    return parameters.keySet();
  }

  /** Returns the index of the path in a target that does not start with a slash. */
  private static int endOfAuthority(String target, String hostHeader) {
    if (target.isEmpty()) {
      throw new InvalidException(400, "empty request target");
    }
    if (target.equals("*")) {
      throw new InvalidException(400, "the asterisk form names no resource of this server");
    }
    String scheme = "http://";
    if (!target.regionMatches(true, 0, scheme, 0, scheme.length())) {
      throw new InvalidException(400, "request target is neither a path nor an http URI");
    }
    int end = scheme.length();
    while (end < target.length() && target.charAt(end) != '/' && target.charAt(end) != '?') {
      end++;
    }
    String authority = target.substring(scheme.length(), end);
    requireOnly(IN_AUTHORITY, authority, "authority");
    if (authority.isEmpty() || !equalsIgnoringCase(authority, hostHeader)) {
      throw new InvalidException(400, "authority of the request target is not the Host header's");
    }
    return end;
  }

  private static boolean equalsIgnoringCase(String ascii, String other) {
    // equalsIgnoreCase alone would accept U+212A for k and U+017F for s.
    return ascii.length() == other.length()
        && other.chars().allMatch(character -> character < 128)
        && ascii.equalsIgnoreCase(other);
  }

  private static List<String> parseSegments(String rawPath) {
    requireOnly(IN_PATH, rawPath, "path");
    int count = 0;
    for (int i = 0; i < rawPath.length(); i++) {
      count += rawPath.charAt(i) == '/' ? 1 : 0;
    }
    if (count > MAX_SEGMENTS) {
      throw new InvalidException(400, "path has more than " + MAX_SEGMENTS + " segments");
    }
    String[] segments = new String[count];
    int start = 1;
    for (int i = 0; i < count; i++) {
      int slash = rawPath.indexOf('/', start);
      int end = slash < 0 ? rawPath.length() : slash;
      segments[i] = parseSegment(rawPath.substring(start, end), i == count - 1);
      start = end + 1;
    }
    return Collections.unmodifiableList(Arrays.asList(segments));
  }

  private static String parseSegment(String raw, boolean last) {
    if (raw.isEmpty() && !last) {
      throw new InvalidException(400, "path has an empty segment");
    }
    String segment = raw;
    if (raw.indexOf('%') >= 0) {
      segment = decode(raw, "path");
      if (segment.indexOf('/') >= 0 || segment.indexOf('\\') >= 0) {
        throw new InvalidException(400, "path has an encoded slash or backslash");
      }
    }
    if (segment.equals(".") || segment.equals("..")) {
      throw new InvalidException(400, "path has a dot segment");
    }
    return segment;
  }

  private static Map<String, List<String>> parseQuery(String rawQuery) {
    requireOnly(IN_QUERY, rawQuery, "query");
    Map<String, List<String>> parameters = new LinkedHashMap<>();
    int count = 0;
    int start = 0;
    while (start < rawQuery.length()) {
      int ampersand = rawQuery.indexOf('&', start);
      int end = ampersand < 0 ? rawQuery.length() : ampersand;
      if (end > start) { // nothing between two ampersands is no parameter, as in browsers
        if (++count > MAX_PARAMETERS) {
          throw new InvalidException(400, "query has more than " + MAX_PARAMETERS + " parameters");
        }
        String parameter = rawQuery.substring(start, end);
        int equals = parameter.indexOf('=');
        String name = equals < 0 ? parameter : parameter.substring(0, equals);
        String value = equals < 0 ? "" : parameter.substring(equals + 1);
        parameters
            .computeIfAbsent(decodeForm(name), absent -> new ArrayList<>(1))
            .add(decodeForm(value));
      }
      start = end + 1;
    }
    parameters.replaceAll((name, values) -> Collections.unmodifiableList(values));
    return Collections.unmodifiableMap(parameters);
  }

  private static String decodeForm(String raw) {
    String spaced = raw.replace('+', ' '); // before decoding: %2B is a plus
    return spaced.indexOf('%') < 0 ? spaced : decode(spaced, "query");
  }

  /** Decodes text that holds only ASCII so far. */
  private static String decode(String raw, String where) {
    ByteBuffer bytes = ByteBuffer.allocate(raw.length());
    int index = 0;
    while (index < raw.length()) {
      char character = raw.charAt(index++);
      if (character == '%') {
        if (index + 2 > raw.length()
            || !HexFormat.isHexDigit(raw.charAt(index))
            || !HexFormat.isHexDigit(raw.charAt(index + 1))) {
          throw new InvalidException(400, where + " has a % without two hexadecimal digits");
        }
        character = (char) HexFormat.fromHexDigits(raw, index, index + 2);
        index += 2;
      }
      bytes.put((byte) character);
    }
    CharBuffer decoded = CharBuffer.allocate(bytes.position());
    // This form of decode reports malformed bytes as a result, without an exception.
    if (UTF_8.newDecoder().decode(bytes.flip(), decoded, true).isError()) {
      throw new InvalidException(400, where + " is not UTF-8");
    }
    String text = decoded.flip().toString();
    if (text.chars().anyMatch(Character::isISOControl)) {
      throw new InvalidException(400, where + " has an encoded control character");
    }
    return text;
  }

  private static void requireOnly(boolean[] allowed, String text, String where) {
    for (int i = 0; i < text.length(); i++) {
      char character = text.charAt(i);
      if (character >= allowed.length || !allowed[character]) {
        throw new InvalidException(400, where + " has a character that is not allowed there");
      }
    }
  }

  private static boolean[] letters(String punctuation) {
    boolean[] allowed = new boolean[128];
    String letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (letters + punctuation).chars().forEach(character -> allowed[character] = true);
    return allowed;
  }

  /** A target was rejected; the message may be sent to the client. */
  public static final class InvalidException extends RuntimeException {
    private final int status;

    private InvalidException(int status, String message) {
      super(message, null, false, false); // no stack trace: hostile input must be cheap to reject
      this.status = status;
    }

    /** Returns the HTTP status of the response: 400 or 414. */
    public int status() {
      return status;
    }
  }
}
