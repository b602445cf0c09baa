// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Refuses routes that no request could ever reach, because a regex that {@link Router} tries before
 * takes all that they could:
 *
 * <pre>
 *   GET /user/{name:\w+}
 *   GET /user/{uid:\d+}     never reached; to be registered first
 * </pre>
 *
 * <p>Literals, plain variables and rest variables shadow nothing: the more specific is tried first,
 * in whatever order they were registered. Two regexes are compared if each is one class of characters
 * and how many of them, as most are: {@code [a-z]+}, {@code \d{4}}, {@code .*}. About others it says
 * nothing, and two that only overlap are both of use. Costs milliseconds, when a service starts;
 * with regexes for thousands of routes in one place, the square of their number.
 */
final class ShadowedRoutes {
  private static final String ANY_TEXT = "[^/]+"; // What a plain variable takes.
  private static final String NOT_IN_PATHS = "/\n\r\u0085\u2028\u2029"; // To be on nobody's side.
  private static final Pattern RUN =
      Pattern.compile("(\\[[^\\[\\]]+]|\\\\[dDwWsS]|\\.)([*+?]|\\{[0-9,]+})?");

  private ShadowedRoutes() {}

  /** Throws if one of these {@link Router#routes} is shadowed. */
  static void refuse(List<String> routes) {
    List<Route> all = routes.stream().map(Route::parse).toList();
    // Only those who begin alike can shadow each other; and of routes there may be thousands.
    Map<List<Segment>, Integer> firstSeen = new HashMap<>();
    Map<List<Segment>, List<Route>> regexAfter = new HashMap<>();
    for (Route route : all) {
      for (int i = 0; i < route.segments.size(); i++) {
        firstSeen.putIfAbsent(route.start(i + 1), firstSeen.size());
        if (route.segments.get(i).isRegex()) {
          regexAfter.computeIfAbsent(route.start(i), start -> new ArrayList<>()).add(route);
        }
      }
    }
    for (Route shadowed : all) {
      for (int i = 0; i < shadowed.segments.size(); i++) {
        for (Route other : regexAfter.getOrDefault(shadowed.start(i), List.of())) {
          if (other.shadows(shadowed, i, firstSeen)) {
            throw new IllegalArgumentException(
                "route that is never reached: " + shadowed.text + " after " + other.text);
          }
        }
      }
    }
  }

  /** A route; its template has passed the router's own checks. */
  private record Route(String text, String method, List<Segment> segments) {
    static Route parse(String text) {
      String[] words = text.split(" ", 2);
      List<Segment> segments = new ArrayList<>();
      for (String segment : words[1].substring(1).split("/", -1)) {
        segments.add(Segment.parse(segment));
      }
      return new Route(text, words[0], segments);
    }

    List<Segment> start(int length) {
      return segments.subList(0, length);
    }

    /** Of two that begin alike up to the segment {@code index}, which is a regex here. */
    boolean shadows(Route other, int index, Map<List<Segment>, Integer> firstSeen) {
      return answersFor(other.method)
          && isTriedBefore(other, index, firstSeen)
          && takesAllOf(other, index);
    }

    private boolean answersFor(String other) {
      return method.equals(other)
          || method.equals("*")
          || method.equals("GET") && other.equals("HEAD");
    }

    /** Regexes are tried in the order in which they first appear in their place, on any route. */
    private boolean isTriedBefore(Route other, int index, Map<List<Segment>, Integer> firstSeen) {
      Segment its = other.segments.get(index);
      return its.isPlain()
          || its.isRegex()
              && firstSeen.get(start(index + 1)) < firstSeen.get(other.start(index + 1));
    }

    private boolean takesAllOf(Route other, int start) {
      for (int i = start; i < Math.min(segments.size(), other.segments.size()); i++) {
        if (segments.get(i).isRest()) {
          return true;
        }
        if (!segments.get(i).takesAllOf(other.segments.get(i))) {
          return false;
        }
      }
      return segments.size() == other.segments.size();
    }
  }

  /** A segment of a template: its characters, each after a slash, and the regexes of its variables. */
  private record Segment(List<String> parts) {
    private static final List<String> REST = List.of("{...}");

    static Segment parse(String segment) {
      if (segment.matches("\\{[^{}:]*\\.\\.\\.}")) {
        return new Segment(REST);
      }
      List<String> parts = new ArrayList<>();
      for (int i = 0; i < segment.length(); i++) {
        if (segment.charAt(i) != '{') {
          parts.add("/" + segment.charAt(i));
          continue;
        }
        int close = closingBrace(segment, i);
        String variable = segment.substring(i + 1, close);
        int colon = variable.indexOf(':');
        parts.add(colon < 0 ? ANY_TEXT : variable.substring(colon + 1));
        i = close;
      }
      return new Segment(parts);
    }

    private static int closingBrace(String segment, int open) {
      int depth = 0;
      int i = open;
      do {
        char c = segment.charAt(i);
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        i += c == '\\' ? 2 : 1;
      } while (depth > 0);
      return i - 1;
    }

    boolean isRest() {
      return parts.equals(REST);
    }

    boolean isPlain() {
      return parts.equals(List.of(ANY_TEXT));
    }

    boolean isRegex() {
      return !isRest() && !isPlain() && parts.stream().anyMatch(part -> !part.startsWith("/"));
    }

    boolean takesAllOf(Segment other) {
      if (isPlain()) {
        return !other.isRest() && !other.parts.isEmpty();
      }
      boolean takesAll = parts.size() == other.parts.size();
      for (int i = 0; takesAll && i < parts.size(); i++) {
        takesAll = matchesAllOf(parts.get(i), other.parts.get(i));
      }
      return takesAll;
    }
  }

  /** Whether a regex matches all that another does, as far as that is to be seen. */
  private static boolean matchesAllOf(String regex, String other) {
    Matcher mine = RUN.matcher(regex);
    Matcher its = RUN.matcher(other);
    if (regex.equals(other) || !mine.matches() || !its.matches()) {
      return regex.equals(other);
    }
    Matcher myClass = Pattern.compile(mine.group(1)).matcher("");
    Matcher itsClass = Pattern.compile(its.group(1)).matcher("");
    String one = null; // Of the characters of other. Then it is only a matter of how many.
    for (int c = 0; c <= Character.MAX_VALUE; c++) {
      String character = Character.toString(c);
      if (NOT_IN_PATHS.indexOf(c) < 0 && itsClass.reset(character).matches()) {
        if (!myClass.reset(character).matches()) {
          return false;
        }
        one = character;
      }
    }
    for (int count = 1; one != null && count <= Router.MAX_REGEX_LENGTH; count++) {
      String run = one.repeat(count);
      if (Pattern.matches(other, run) && !Pattern.matches(regex, run)) {
        return false;
      }
    }
    return one != null;
  }
}
