// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.math.BigInteger;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The requests in a conversation by RFC 9112, read by patterns: an independent description of what
 * the engine reads byte by byte.
 */
final class Reference {
  private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]++";
  private static final String FIELDS =
      "((?:" + TOKEN + ":[\\t\\x20-\\x7e\\x80-\\xff]*+\\r\\n)*+)\\r\\n";
  private static final Pattern HEAD =
      Pattern.compile("(" + TOKEN + ") ([\\x21-\\x7e]++) (HTTP/1\\.(\\d))\\r\\n" + FIELDS);
  private static final Pattern HOST = Pattern.compile("[-._~%!$&'()*+,;=:\\[\\]0-9A-Za-z]*");
  private static final Pattern CHUNK =
      Pattern.compile("([0-9a-fA-F]{1,15})(?:;[\\t\\x20-\\x7e\\x80-\\xff]{0,255})?\\r\\n");
  private static final Pattern TRAILERS = Pattern.compile(FIELDS);

  private final String text;
  private final EngineSettings settings;
  private final List<String> echoes = new ArrayList<>();
  private int at;
  private boolean isComplete;
  private Map<String, List<String>> trailers;

  /** Reads a conversation to the end, or to the first request that is not well-formed. */
  Reference(String text, EngineSettings settings) {
    this.text = text;
    this.settings = settings;
    boolean isOpen = true;
    while (isOpen && at < text.length()) {
      isOpen = request();
    }
  }

  /** Returns the responses, those with 100 included, as {@link EchoHandler} would send them. */
  List<String> echoes() {
    return echoes;
  }

  /** Returns whether no response may follow: neither is there a malformed request nor a part. */
  boolean isComplete() {
    return isComplete;
  }

  /** Reads a request; returns whether another may follow. */
  private boolean request() {
    isComplete = false;
    at += text.startsWith("\r\n", at) ? 2 : 0;
    Matcher head = HEAD.matcher(text).region(at, text.length());
    boolean isHead = head.lookingAt() && head.end() - at <= settings.maxHeadBytes();
    if (!isHead) {
      return false;
    }
    at = head.end();
    Map<String, List<String>> fields = fields(head.group(5));
    boolean isHttp11 = !head.group(4).equals("0");
    boolean isValid = isValidTarget(head.group(2)) && isValidHost(fields, isHttp11);
    if (!isValid || count(fields) > settings.maxFields()) {
      return false;
    }
    List<String> codings = fields.get("Transfer-Encoding");
    List<String> lengths = fields.getOrDefault("Content-Length", List.of("0"));
    boolean hasTwoLengths = codings != null && fields.containsKey("Content-Length");
    if (hasTwoLengths || lengths.size() > 1 || !lengths.get(0).matches("\\d{1,19}")) {
      return false;
    }
    if (codings != null && !(isHttp11 && isChunked(codings))) {
      return false;
    }
    boolean hasBody = codings != null || !lengths.get(0).matches("0+");
    if (hasBody && isHttp11 && hasOption(fields, "Expect", "100-continue")) {
      echoes.add("100");
    }
    trailers = Map.of();
    String body = codings != null ? chunks() : sized(lengths.get(0));
    if (body == null) {
      return false;
    }
    echoes.add(
        EchoHandler.text(head.group(1), head.group(2), head.group(3), fields, body, trailers));
    isComplete = true;
    boolean isClosing = hasOption(fields, "Connection", "close");
    return !isClosing && (isHttp11 || hasOption(fields, "Connection", "keep-alive"));
  }

  private static boolean isChunked(List<String> codings) {
    return codings.size() == 1 && codings.get(0).equalsIgnoreCase("chunked");
  }

  private static boolean isValidTarget(String target) {
    try {
      String path = new URI(target).getPath();
      return path != null && path.startsWith("/");
    } catch (URISyntaxException e) {
      return false;
    }
  }

  private static boolean isValidHost(Map<String, List<String>> fields, boolean isNeeded) {
    List<String> hosts = fields.getOrDefault("Host", List.of());
    return hosts.isEmpty() ? !isNeeded : hosts.size() == 1 && HOST.matcher(hosts.get(0)).matches();
  }

  private static Map<String, List<String>> fields(String lines) {
    Map<String, List<String>> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (String line : lines.split("\r\n")) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        String value = line.substring(colon + 1).replaceAll("^[ \t]+|[ \t]+$", "");
        fields.computeIfAbsent(line.substring(0, colon), name -> new ArrayList<>()).add(value);
      }
    }
    return fields;
  }

  private static int count(Map<String, List<String>> fields) {
    return fields.values().stream().mapToInt(List::size).sum();
  }

  private static boolean hasOption(Map<String, List<String>> fields, String name, String option) {
    for (String value : fields.getOrDefault(name, List.of())) {
      for (String item : value.split(",")) {
        if (item.strip().toLowerCase(Locale.ROOT).equals(option)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Returns a body of known length, or null if it is not whole. */
  private String sized(String digits) {
    BigInteger length = new BigInteger(digits);
    if (length.bitLength() > 31 || length.intValue() > text.length() - at) {
      return null;
    }
    at += length.intValue();
    return text.substring(at - length.intValue(), at);
  }

  /** Returns the content of the chunks, or null if they are malformed or not whole. */
  private String chunks() {
    StringBuilder body = new StringBuilder();
    while (true) {
      Matcher line = CHUNK.matcher(text).region(at, text.length());
      if (!line.lookingAt()) {
        return null;
      }
      long size = Long.parseLong(line.group(1), 16);
      at = line.end();
      if (size == 0) {
        return readTrailers() ? body.toString() : null;
      }
      if (size > text.length() - at || !text.startsWith("\r\n", at + (int) size)) {
        return null;
      }
      body.append(text, at, at + (int) size);
      at += (int) size + 2;
    }
  }

  private boolean readTrailers() {
    Matcher lines = TRAILERS.matcher(text).region(at, text.length());
    if (!lines.lookingAt() || lines.end() - at > settings.maxHeadBytes()) {
      return false;
    }
    at = lines.end();
    trailers = fields(lines.group(1));
    return count(trailers) <= settings.maxFields();
  }
}
