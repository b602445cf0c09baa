// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import kit.StatusException;

/**
 * Checks the media types of a request: rejects a body that is not JSON (415), and a client that
 * does not accept the media type of the response (406).
 *
 * <p>Sources: RFC 9110, sections 8.3 (Content-Type), 12.5.1 (Accept), 12.5.3 (Accept-Encoding),
 * 15.5.7 (406), 15.5.16 (415); RFC 8259, section 11: JSON is UTF-8.
 */
public final class MediaTypes {
  /** The media type of JSON. */
  public static final String JSON = "application/json";

  private static final Pattern OTHER_CHARSET =
      Pattern.compile("charset=(?!(utf-8|\"utf-8\")$).*", Pattern.CASE_INSENSITIVE);
  private static final Pattern NOT_WANTED = // Also written q=0.000.
      Pattern.compile("q=0[.0]*", Pattern.CASE_INSENSITIVE);

  private MediaTypes() {}

  /**
   * Checks that the body is declared as uncompressed JSON in UTF-8.
   *
   * @throws StatusException 415, with {@code Accept} or {@code Accept-Encoding}
   */
  public static void checkJson(Request request) {
    List<String> types = request.headers("Content-Type");
    if (types.size() != 1 || !isJson(types.get(0))) {
      throw new StatusException(415, "Content-Type is not " + JSON).with("Accept", JSON);
    }
    for (String encoding : request.headers("Content-Encoding")) {
      if (!encoding.strip().equalsIgnoreCase("identity")) {
        throw new StatusException(415, "Content-Encoding is not identity")
            .with("Accept-Encoding", "identity");
      }
    }
  }

  /**
   * Returns whether {@code contentType}, without parameters, is {@code mediaType}, ignoring case.
   */
  public static boolean is(String contentType, String mediaType) {
    return split(contentType, ';').get(0).equalsIgnoreCase(mediaType);
  }

  /**
   * Checks that the client accepts responses of {@code mediaType}.
   *
   * @throws StatusException 406
   */
  public static void checkAccepted(Request request, String mediaType) {
    List<String> accept = request.headers("Accept");
    if (!accept.isEmpty() && !isAccepted(String.join(",", accept), mediaType)) {
      throw new StatusException(406, "not in Accept: " + mediaType);
    }
  }

  private static boolean isJson(String contentType) {
    List<String> parts = split(contentType, ';');
    return parts.get(0).equalsIgnoreCase(JSON)
        && parts.stream().noneMatch(part -> OTHER_CHARSET.matcher(part).matches());
  }

  /**
   * Returns whether a type is accepted by its most specific range: {@code text/*} before
   * <code>*&#47;*</code>.
   */
  static boolean isAccepted(String accept, String mediaType) {
    String anyOfItsKind = mediaType.substring(0, mediaType.indexOf('/')) + "/*";
    boolean isAccepted = accept.isBlank(); // An empty list accepts everything.
    int most = 0;
    for (String range : split(accept, ',')) {
      List<String> parts = split(range, ';');
      String type = parts.get(0);
      int says =
          type.equalsIgnoreCase(mediaType)
              ? 3
              : type.equalsIgnoreCase(anyOfItsKind) ? 2 : type.equals("*/*") ? 1 : 0;
      if (says > most) {
        most = says;
        isAccepted = parts.stream().noneMatch(part -> NOT_WANTED.matcher(part).matches());
      }
    }
    return isAccepted;
  }

  /** Splits where {@code separator} is not inside quotes; at least one part, each stripped. */
  private static List<String> split(String text, char separator) {
    List<String> parts = new ArrayList<>();
    boolean isQuoted = false;
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"') {
        isQuoted = !isQuoted;
      } else if (c == '\\' && isQuoted) {
        i++; // The next character is escaped.
      } else if (c == separator && !isQuoted) {
        parts.add(text.substring(start, i).strip());
        start = i + 1;
      }
    }
    parts.add(text.substring(start).strip());
    return parts;
  }
}
