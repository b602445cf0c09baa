// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Which lists of fields are well-formed: RFC 9113, sections 8.1 to 8.3. */
final class FieldRules {
  /** The length of a body that no field announces. */
  static final long UNKNOWN_LENGTH = -1;

  private static final Set<String> REQUEST = Set.of(":method", ":scheme", ":path", ":authority");
  private static final Set<String> RESPONSE = Set.of(":status");
  private static final Set<String> OF_CONNECTION =
      Set.of("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade");
  private static final String TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
  private static final boolean[] IS_TOKEN = new boolean[256];

  static {
    TOKEN.chars().forEach(c -> IS_TOKEN[c] = true);
  }

  private FieldRules() {}

  /** Checks that the list was not larger than the bound. */
  static void requireSmall(Frame frame, HpackDecoder.HeaderList list) throws Http2Exception {
    String problem = "header list above the bound";
    Http2Exception.require(
        !list.isTooLarge(), ErrorCode.ENHANCE_YOUR_CALM, frame.streamId(), problem);
  }

  /** Checks a request; returns its content-length. */
  static long checkRequest(int streamId, List<HeaderField> fields) throws Http2Exception {
    Set<String> pseudo = pseudo(streamId, fields, REQUEST);
    boolean isConnect = HeaderField.valueOf(fields, ":method").equals("CONNECT");
    Set<String> needed =
        isConnect ? Set.of(":method", ":authority") : Set.of(":method", ":scheme", ":path");
    boolean isWhole = pseudo.containsAll(needed) && !(isConnect && pseudo.size() > 2);
    require(streamId, isWhole, "pseudo-header field missing");
    boolean hasPath = isConnect || !HeaderField.valueOf(fields, ":path").isEmpty();
    require(streamId, hasPath, ":path is empty");
    return contentLength(streamId, fields);
  }

  /** Checks a response; returns its content-length. */
  static long checkResponse(int streamId, List<HeaderField> fields) throws Http2Exception {
    pseudo(streamId, fields, RESPONSE);
    boolean isStatus = HeaderField.valueOf(fields, ":status").matches("[1-9][0-9][0-9]");
    require(streamId, isStatus, ":status is missing or not of three digits");
    return contentLength(streamId, fields);
  }

  /** Checks trailers, which have no pseudo-header fields. */
  static void checkTrailers(int streamId, List<HeaderField> fields) throws Http2Exception {
    pseudo(streamId, fields, Set.of());
  }

  /** Checks fields that the caller sends. */
  static void checkSent(List<HeaderField> fields) {
    for (HeaderField field : fields) {
      if (!isName(field.name()) || !isValue(field.value()) || !isOfEnd(field)) {
        throw new IllegalArgumentException("field not legal in HTTP/2: " + field.name());
      }
    }
  }

  private static Set<String> pseudo(int streamId, List<HeaderField> fields, Set<String> known)
      throws Http2Exception {
    Set<String> pseudo = new HashSet<>();
    boolean isRegular = false;
    for (HeaderField field : fields) {
      String name = field.name();
      require(streamId, isName(name), "invalid name of a field");
      require(streamId, isValue(field.value()), "invalid value of a field");
      require(streamId, isOfEnd(field), "field of HTTP/1.1 connections");
      if (name.charAt(0) != ':') {
        isRegular = true;
        continue;
      }
      boolean isExpected = known.contains(name) && !isRegular && pseudo.add(name);
      require(streamId, isExpected, "unexpected pseudo-header field");
    }
    return pseudo;
  }

  private static boolean isName(String name) {
    int start = name.startsWith(":") ? 1 : 0;
    for (int i = start; i < name.length(); i++) {
      if (!IS_TOKEN[name.charAt(i)]) {
        return false;
      }
    }
    return name.length() > start;
  }

  private static boolean isValue(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == 0 || c == '\r' || c == '\n') {
        return false;
      }
    }
    return value.isEmpty() || !isSpace(value, 0) && !isSpace(value, value.length() - 1);
  }

  private static boolean isSpace(String value, int index) {
    return value.charAt(index) == ' ' || value.charAt(index) == '\t';
  }

  private static boolean isOfEnd(HeaderField field) {
    return field.name().equals("te")
        ? field.value().equals("trailers")
        : !OF_CONNECTION.contains(field.name());
  }

  private static long contentLength(int streamId, List<HeaderField> fields) throws Http2Exception {
    long length = UNKNOWN_LENGTH;
    for (HeaderField field : fields) {
      if (field.name().equals("content-length")) {
        boolean isFirst = length == UNKNOWN_LENGTH;
        boolean isNumber = field.value().matches("[0-9]{1,18}");
        require(streamId, isFirst && isNumber, "invalid content-length");
        length = Long.parseLong(field.value());
      }
    }
    return length;
  }

  private static void require(int streamId, boolean isValid, String problem) throws Http2Exception {
    if (!isValid) {
      throw Http2Exception.ofStream(ErrorCode.PROTOCOL_ERROR, streamId, problem);
    }
  }
}
