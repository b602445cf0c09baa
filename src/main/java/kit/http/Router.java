// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Regex router: finds the handler for a method and a path. Handlers are of any type {@code H}; a
 * path is a list of decoded segments, such as that of RequestTarget.
 *
 * <pre>{@code
 * Router<HttpHandler> router = new Router<HttpHandler>()
 *     .route("GET", "/user/{uid:\\d+}", getUser)
 *     .route(Set.of("PUT", "PATCH"), "/user/{uid:\\d+}", changeUser)
 *     .routeAny("/static/{path...}", files);
 * if (router.match("GET", List.of("user", "101")) instanceof Router.Found<HttpHandler> found) {
 *   found.variables(); // {uid=101}
 * }
 * }</pre>
 *
 * <h2>Templates</h2>
 *
 * <pre>
 *   /user/me                    literal text, compared with the decoded segment
 *   /user/{uid}                 any one segment that is not empty; no regex is run
 *   /user/{uid:\d+}             one segment, all of it matched by a java.util.regex
 *   /log/{type}-{day:\d+}.txt   several parts in one segment; earlier variables are greedy
 *   /static/{path...}           all that remains, one segment or more, joined with "/"
 * </pre>
 *
 * <p>{@code /a} and {@code /a/} are different paths; there is no redirect (gorilla/mux#369).
 *
 * <h2>How it works</h2>
 *
 * <p>Routes form a tree with one level per segment. At each level these are tried in order: the
 * literal (a hash lookup), segments with a regex or several parts, the plain variable, the rest. A
 * branch that ends without a route for the method is abandoned for the next one. Hence a full match
 * wins over 405 and 405 over 404, in whatever order routes were registered.
 *
 * <p>Order matters among regexes only: the one registered first is tried first. Register {@code
 * /user/{uid:\d+}} before {@code /user/{name:\w+}}, which matches digits, too.
 *
 * <p>On one template the method's own route comes first, then for HEAD that of GET (RFC 9110,
 * 9.3.2), then {@link #routeAny}. {@link MethodNotAllowed} has the methods of all routes whose path
 * matches, and HEAD where GET is. OPTIONS is a method like any other: a server that handles it
 * itself adds it to {@code Allow}.
 *
 * <h2>Errors</h2>
 *
 * <p>A malformed template is an {@link IllegalArgumentException} at registration that names
 * template and index. So is a second route for one method on a template with the same shape.
 *
 * <p>A regex cannot stall the server: a segment longer than {@value #MAX_REGEX_LENGTH} characters
 * does not match, nor does one that takes {@value #MAX_REGEX_STEPS} steps (characters read and
 * groups entered). Constructs that would escape the count are rejected: capturing groups, back
 * references, repeated anchors. {@code \d+} is ASCII digits, any number of them.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. The first match ends registration: later routes are rejected with an {@link
 * IllegalStateException}, and no lock is taken from then on. The cost grows with the levels and
 * branches of a path. A literal path allocates nothing.
 *
 * <h2>Copying this class</h2>
 *
 * <p>It needs the JDK (17 or newer) and paths split, decoded and checked as RequestTarget does.
 * Source: templates as in <a href="https://github.com/gorilla/mux">gorilla/mux</a>.
 */
public final class Router<H> {
  static final int MAX_REGEX_LENGTH = 256; // characters; ids and names are far below
  static final int MAX_REGEX_STEPS = 65_536; // 256 squared: room for quadratic work on a segment

  private static final String ANY_METHOD = "*"; // route() refuses it as a name

  private final Match<H> notFound = new NotFound<>();

  // Guarded by "this" until the first match; unchanged from then on.
  private final Node<H> root = new Node<>(new Segment(Kind.LITERAL, ""));
  private final List<String> routes = new ArrayList<>();

  // Null until the first match, then the root: what was registered happens before what is matched.
  private volatile Node<H> frozenRoot;

  /** The result of {@link #match}. */
  public sealed interface Match<H> permits Found, MethodNotAllowed, NotFound {}

  /**
   * The path and the method have a route.
   *
   * @param template the template as registered, suitable as a label of metrics
   * @param variables values by name, decoded; unmodifiable if the router made it
   */
  public record Found<H>(H handler, String template, Map<String, String> variables)
      implements Match<H> {}

  /**
   * The path has routes, but none for this method.
   *
   * @param allow the methods that have one, sorted, ready for the header field {@code Allow}
   */
  public record MethodNotAllowed<H>(List<String> allow) implements Match<H> {}

  /** No route has this path. */
  public record NotFound<H>() implements Match<H> {}

  /**
   * Registers a handler for one method, in upper case, such as {@code GET}.
   *
   * @throws IllegalArgumentException if the template is malformed or the route exists
   * @throws IllegalStateException after a match
   */
  public Router<H> route(String method, String template, H handler) {
    return route(Set.of(requireNonNull(method, "method")), template, handler);
  }

  /** Registers a handler for several methods; throws as {@link #route(String, String, Object)}. */
  public Router<H> route(Set<String> methods, String template, H handler) {
    boolean areNames = methods.stream().allMatch(name -> name.matches("[A-Z][A-Z_-]*"));
    require(areNames && !methods.isEmpty(), "methods are not names in upper case: " + methods);
    return add(methods, template, handler);
  }

  /** Registers a handler for all methods without a route of their own on this template. */
  public Router<H> routeAny(String template, H handler) {
    return add(Set.of(ANY_METHOD), template, handler);
  }

  private synchronized Router<H> add(Set<String> methods, String template, H handler) {
    requireNonNull(handler, "handler");
    if (frozenRoot != null) {
      throw new IllegalStateException("route registered after a match: " + template);
    }
    RouteTemplate parsed = new RouteTemplate(template); // before the tree is changed
    Node<H> node = root;
    for (Segment segment : parsed.segments) {
      node = node.child(segment);
    }
    for (String method : methods) {
      String other = node.routes.containsKey(method) ? node.routes.get(method).found.template : "";
      String duplicate = "duplicate route: " + method + " " + template;
      require(other.isEmpty(), duplicate + " has the shape of " + other);
    }

    Route<H> route = new Route<>(new Found<>(handler, template, Map.of()), parsed.names);
    for (String method : new TreeSet<>(methods)) {
      node.routes.put(method, route);
      routes.add(method + " " + template);
    }
    return this;
  }

  /** Returns all routes as registered: {@code GET /user/{uid:\d+}}; any method is {@code *}. */
  public synchronized List<String> routes() {
    return List.copyOf(routes);
  }

  /**
   * Finds the route for a request; never throws for the input of a client.
   *
   * @param method the method as received, case-sensitive (RFC 9110, 9.1)
   * @param segments the decoded segments of the path; the last is empty after a trailing slash
   */
  public Match<H> match(String method, List<String> segments) {
    requireNonNull(method, "method");
    Node<H> tree = frozenRoot == null ? freeze() : frozenRoot;

    Node<H> literal = tree; // The branch of literals comes first; it allocates nothing.
    for (int i = 0; i < segments.size() && literal != null; i++) {
      literal = literal.literals.get(segments.get(i));
    }
    Route<H> route = literal == null ? null : literal.routeFor(method);
    if (route != null) {
      return route.found;
    }

    Search<H> search = new Search<>(method, segments, new ArrayList<>(4), new TreeSet<>());
    route = search.find(tree, 0);
    if (route != null) {
      return route.found(search.captured);
    }
    return search.allow.isEmpty() ? notFound : new MethodNotAllowed<>(List.copyOf(search.allow));
  }

  private synchronized Node<H> freeze() {
    frozenRoot = root;
    return root;
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }

  /**
   * Search with backtracking. Its depth is bounded by the templates, not by the request.
   *
   * @param captured values of variables on the current branch
   * @param allow methods that paths which match have a route for
   */
  private record Search<H>(
      String method, List<String> segments, List<String> captured, Set<String> allow) {
    Route<H> find(Node<H> node, int index) {
      if (index == segments.size()) {
        return routeAt(node);
      }
      Node<H> literal = node.literals.get(segments.get(index));
      Route<H> route = literal == null ? null : find(literal, index + 1);
      for (int i = 0; route == null && i < node.others.size(); i++) {
        Node<H> next = node.others.get(i);
        int before = captured.size();
        int end = next.capture(segments, index, captured);
        route = end < 0 ? null : find(next, end);
        if (route == null && end >= 0) {
          captured.subList(before, captured.size()).clear(); // the next branch starts afresh
        }
      }
      return route;
    }

    private Route<H> routeAt(Node<H> node) {
      Route<H> route = node.routeFor(method);
      if (route == null) {
        allow.addAll(node.routes.keySet());
        allow.addAll(allow.contains("GET") ? Set.of("HEAD") : Set.of());
      }
      return route;
    }
  }

  /** Node of the tree: its children, and the routes that end here, by method. */
  private static final class Node<H> {
    private final Segment segment; // the one before this node
    private final Pattern pattern;
    private final Map<String, Node<H>> literals = new HashMap<>();
    private final List<Node<H>> others = new ArrayList<>(); // in the order in which they are tried
    private final Map<String, Route<H>> routes = new HashMap<>();

    Node(Segment segment) {
      this.segment = segment;
      this.pattern = segment.kind == Kind.PATTERN ? Pattern.compile(segment.text) : null;
    }

    /** Returns the child for a segment, a new one if needed. */
    Node<H> child(Segment next) {
      if (next.kind == Kind.LITERAL) {
        return literals.computeIfAbsent(next.text, text -> new Node<>(next));
      }
      int i = 0;
      while (i < others.size() && others.get(i).segment.kind.compareTo(next.kind) <= 0) {
        if (others.get(i).segment.equals(next)) {
          return others.get(i);
        }
        i++;
      }
      others.add(i, new Node<>(next));
      return others.get(i);
    }

    /** Adds the values of its variables and returns the index after it; -1 if it does not match. */
    int capture(List<String> segments, int index, List<String> captured) {
      if (segment.kind == Kind.REST) {
        captured.add(String.join("/", segments.subList(index, segments.size())));
        return segments.size();
      }
      String text = segments.get(index);
      boolean isMatch = !text.isEmpty() && capture(text, captured);
      return isMatch ? index + 1 : -1;
    }

    private boolean capture(String text, List<String> captured) {
      if (pattern == null) {
        return captured.add(text);
      }
      try {
        // Not find() with ^ and $: a $ also matches before a final line break.
        Matcher matcher = pattern.matcher(new CountedText(text));
        boolean isMatch = text.length() <= MAX_REGEX_LENGTH && matcher.matches();
        for (int i = 1; isMatch && i <= matcher.groupCount(); i++) {
          captured.add(text.substring(matcher.start(i), matcher.end(i)));
        }
        return isMatch;
      } catch (TooManyStepsException | StackOverflowError givenUp) {
        return false;
      }
    }

    Route<H> routeFor(String method) {
      Route<H> route = routes.get(method);
      if (route == null && method.equals("HEAD")) {
        route = routes.get("GET");
      }
      return route == null ? routes.get(ANY_METHOD) : route;
    }
  }

  /** A registered route: its result without variables, and their names from left to right. */
  private record Route<H>(Found<H> found, List<String> names) {
    Found<H> found(List<String> captured) {
      if (captured.size() == 1) { // the most common case; a HashMap would only be copied
        return new Found<>(found.handler, found.template, Map.of(names.get(0), captured.get(0)));
      }
      Map<String, String> variables = new HashMap<>();
      for (int i = 0; i < captured.size(); i++) {
        variables.put(names.get(i), captured.get(i));
      }
      return new Found<>(found.handler, found.template, Map.copyOf(variables));
    }
  }

  /** Text that counts the characters read and stops a regex at the limit. */
  private static final class CountedText implements CharSequence {
    private final String text;
    private int stepsLeft = MAX_REGEX_STEPS;

    CountedText(String text) {
      this.text = text;
    }

    @Override
    public char charAt(int index) {
      if (--stepsLeft < 0) {
        throw new TooManyStepsException();
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }
  }

  private static final class TooManyStepsException extends RuntimeException {}

  /** Kind of a segment, in the order in which they are tried. */
  private enum Kind {
    LITERAL,
    PATTERN,
    VARIABLE,
    REST
  }

  /** A segment of a template: literal text, or a regex whose groups are the variables. */
  private record Segment(Kind kind, String text) {}

  /** Parser of a template, independent of the tree. */
  private static final class RouteTemplate {
    private static final Pattern LITERAL = Pattern.compile("[^{}%?#\\\\\\p{Cc}]+");
    private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_-]*");
    private static final Pattern VARIABLE = // (1) name, (2) regex, whose braces come in pairs
        Pattern.compile("\\{([^:}]*)(?::((?:[^{}\\\\]++|\\\\.|\\{[^{}]*})*))?}");
    private static final Pattern REST = Pattern.compile("\\{([^{}:]*)\\.\\.\\.}");
    private static final String ANY_TEXT = "([^/]+)"; // a dot would not match line separators

    private static final String ESCAPE = "\\\\[^1-9kQAbBGzZ]"; // \1, \k: back references; anchors
    private static final String CLASS = "\\[(?:\\\\[^Q]|[^\\[\\]\\\\]|\\[[^\\[\\]]*])*]";
    private static final Pattern UNCOUNTED =
        Pattern.compile("\\\\[1-9kQ]|\\(\\?[a-zA-Z-]*[Ux]|(?:[\\^$]|\\\\[AbBGzZ])[*+?{]");

    // Up to the next start of a group that is not escaped and not in a class.
    private static final Pattern GROUP =
        Pattern.compile("(?:\\\\.|" + CLASS + "|[^\\\\\\[(])*+\\(\\?(?:[a-zA-Z-]*:|[=!>]|<[=!])");
    private static final String READ = "(?![a&&b])(?<![a&&b])"; // always true, and looks

    private final String template;
    private final List<Segment> segments = new ArrayList<>();
    private final List<String> names = new ArrayList<>(); // of variables, left to right

    RouteTemplate(String template) {
      this.template = requireNonNull(template, "template");
      check(template.startsWith("/"), "template does not start with '/'", 0);
      int start = 1;
      for (String text : template.substring(start).split("/", -1)) {
        segments.add(segment(text, start));
        start += text.length() + 1;
      }
    }

    private Segment segment(String text, int start) {
      int end = start + text.length();
      boolean isLast = end == template.length();
      boolean isText = !text.equals(".") && !text.equals("..") && (isLast || !text.isEmpty());
      check(isText, "empty segment or dot segment", start);

      Matcher rest = REST.matcher(text);
      if (isLast && rest.matches()) {
        addName(rest.group(1), start + 1);
        return new Segment(Kind.REST, "");
      }
      String regex = regex(start, end);
      if (text.indexOf('{') < 0) {
        return new Segment(Kind.LITERAL, text);
      }
      return new Segment(regex.equals(ANY_TEXT) ? Kind.VARIABLE : Kind.PATTERN, regex);
    }

    private String regex(int start, int end) {
      StringBuilder regex = new StringBuilder();
      int i = start;
      while (i < end) {
        boolean isOpen = template.charAt(i) == '{';
        String form =
            isOpen ? "'{' without '}' in its segment" : "not literal text of a decoded path";
        Matcher token = (isOpen ? VARIABLE : LITERAL).matcher(template).region(i, end);
        check(token.lookingAt(), form, i);
        regex.append(isOpen ? group(token) : Pattern.quote(token.group()));
        i = token.end();
      }
      return regex.toString();
    }

    private String group(Matcher variable) {
      addName(variable.group(1), variable.start(1));
      String regex = variable.group(2);
      return regex == null ? ANY_TEXT : "(" + counted(regex, variable.start(2)) + ")";
    }

    private void addName(String name, int index) {
      check(!name.endsWith("..."), "rest variable is not the whole last segment", index);
      boolean isNew = NAME.matcher(name).matches() && !names.contains(name);
      check(isNew, "variable name is repeated or not of letters, digits, '_' and '-'", index);
      names.add(name);
    }

    /** Returns the regex, reading a character wherever it can branch without reading one. */
    private String counted(String regex, int index) {
      try {
        boolean captures = Pattern.compile(regex).matcher("").groupCount() > 0;
        check(
            !captures && !regex.isEmpty(), "regex is empty or captures; a group is (?:...)", index);
      } catch (PatternSyntaxException e) {
        check(false, "bad regex, " + e.getDescription(), index + Math.max(0, e.getIndex()));
      }
      String shape = regex.replaceAll(ESCAPE, "x").replaceAll(CLASS, "x");
      boolean isCounted = !UNCOUNTED.matcher(shape).find();
      check(isCounted, "back reference, \\Q, flag U or x, or repeated anchor in a regex", index);
      boolean mayBranch = regex.indexOf('|') >= 0 || regex.indexOf('(') >= 0;
      return mayBranch ? READ + GROUP.matcher(regex).replaceAll("$0" + READ) : regex;
    }

    private void check(boolean legal, String mistake, int index) {
      require(legal, mistake + " at index " + index + ": " + template);
    }
  }
}
