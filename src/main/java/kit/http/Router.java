// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Finds the handler for a method and a path, or reports that the path or only the method has none.
 * {@code H} is any type; a path comes as decoded segments, such as RequestTarget has.
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
 *   /log/{type}-{day:\d+}.txt   several parts in one segment; earlier variables take the most
 *   /static/{path...}           all that remains, one segment or more, joined with "/"
 * </pre>
 *
 * <p>{@code /a} and {@code /a/} are two paths; no redirect adds a slash (gorilla/mux#369).
 *
 * <h2>How it works</h2>
 *
 * <p>Routes form a tree with one level per segment. At each level these are tried in order: the
 * literal (a hash lookup), segments with a regex or several parts (first registered first), the
 * plain variable, the rest. A branch that ends without a route for the method is left for the next.
 * Hence a full match wins over 405 and 405 over 404, in whatever order routes were registered.
 *
 * <p>On one template the method's own route comes first, then for HEAD that of GET (RFC 9110,
 * 9.3.2), then {@link #routeAny}. {@link MethodNotAllowed} has the methods of all routes whose path
 * matches, HEAD where GET is, and always OPTIONS, which the caller answers if no route does.
 *
 * <h2>Errors</h2>
 *
 * <p>A mistake in a template is an {@link IllegalArgumentException} at registration that names
 * template and index. So is a second route for one method on a template with the same shape.
 *
 * <p>A regex cannot stall the server: it sees no segment longer than {@value #MAX_REGEX_LENGTH}
 * characters, counts as no match after {@value #MAX_REGEX_STEPS} steps (characters read and groups
 * entered), and may not repeat an anchor or a group with a quantifier, as {@code (?:a+)+} does.
 * Groups that capture are refused. {@code \d+} is ASCII digits, any number of them.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Register in one thread and publish the router safely; then any number of threads may match. Cost
 * grows with the levels and branches that a path can take. A literal path allocates nothing.
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

  private final Node<H> root = new Node<>(null);
  private final Match<H> notFound = new NotFound<>();
  private final List<String> routes = new ArrayList<>();
  private boolean hasMatched; // not volatile: the check is a courtesy, worth no fence per request

  /** What {@link #match} found out. */
  public sealed interface Match<H> permits Found, MethodNotAllowed, NotFound {}

  /** The handler that answers. The template is as registered, a good label for metrics. */
  public record Found<H>(H handler, String template, Map<String, String> variables)
      implements Match<H> {
    public Found {
      variables = Map.copyOf(variables);
    }
  }

  /** The path exists, but not for this method. {@code allow} is sorted, ready for the header. */
  public record MethodNotAllowed<H>(List<String> allow) implements Match<H> {}

  /** No route matches the path. */
  public record NotFound<H>() implements Match<H> {}

  /**
   * Registers a handler for one method, upper case as in {@code GET}.
   *
   * @throws IllegalArgumentException for a mistake in the template, or if the route exists
   * @throws IllegalStateException after a match
   */
  public Router<H> route(String method, String template, H handler) {
    return route(Set.of(requireNonNull(method, "method")), template, handler);
  }

  /** The same for several methods. */
  public Router<H> route(Set<String> methods, String template, H handler) {
    if (methods.isEmpty() || !methods.stream().allMatch(name -> name.matches("[A-Z][A-Z_-]*"))) {
      throw new IllegalArgumentException("methods are not names in upper case: " + methods);
    }
    return add(methods, template, handler);
  }

  /** The same for all methods that have no route of their own on this template. */
  public Router<H> routeAny(String template, H handler) {
    return add(Set.of(ANY_METHOD), template, handler);
  }

  private Router<H> add(Set<String> methods, String template, H handler) {
    requireNonNull(handler, "handler");
    if (hasMatched) {
      throw new IllegalStateException("route registered after a match: " + template);
    }
    new Template(template).addTo(new Node<>(null)); // a mistake must leave no traces in the tree
    Template parsed = new Template(template);
    Node<H> node = parsed.addTo(root);
    for (String method : methods) {
      if (node.routes.containsKey(method)) {
        String other = node.routes.get(method).found.template;
        throw new IllegalArgumentException(
            "duplicate route: " + method + " " + template + " has the shape of " + other);
      }
    }
    Route<H> route =
        new Route<>(new Found<>(handler, template, Map.of()), List.copyOf(parsed.names));
    methods.forEach(method -> node.routes.put(method, route));
    methods.stream().sorted().forEach(method -> routes.add(method + " " + template));
    return this;
  }

  /** All routes as registered, such as {@code GET /user/{uid:\d+}}; any method is {@code *}. */
  public List<String> routes() {
    return List.copyOf(routes);
  }

  /**
   * Finds the route for a request; never fails on what a client sends.
   *
   * @param method as received; case matters (RFC 9110, 9.1)
   * @param segments of the path, decoded; the last one is empty after a trailing slash
   */
  public Match<H> match(String method, List<String> segments) {
    requireNonNull(method, "method");
    if (!hasMatched) {
      hasMatched = true;
    }
    Node<H> node = root; // The branch of literals comes first; alone, it needs no memory.
    for (int i = 0; i < segments.size() && node != null; i++) {
      node = node.literals.get(segments.get(i));
    }
    Route<H> route = node == null ? null : node.routeFor(method);
    if (route != null) {
      return route.found;
    }
    List<String> values = new ArrayList<>(4); // what the current branch has taken for variables
    Walk<H> walk = new Walk<>(method, segments, values, new TreeSet<>());
    route = walk.find(root, 0);
    if (route != null || walk.allow.isEmpty()) {
      return route == null ? notFound : route.found(values);
    }
    walk.allow.addAll(walk.allow.contains("GET") ? Set.of("HEAD", "OPTIONS") : Set.of("OPTIONS"));
    return new MethodNotAllowed<>(List.copyOf(walk.allow));
  }

  /** One search with backtracking. Its depth is that of the templates, not that of the request. */
  private record Walk<H>(
      String method, List<String> segments, List<String> values, Set<String> allow) {
    Route<H> find(Node<H> node, int index) {
      if (index == segments.size()) {
        return routeAt(node);
      }
      String segment = segments.get(index);
      Node<H> literal = node.literals.get(segment);
      Route<H> route = literal == null ? null : find(literal, index + 1);
      int taken = values.size();
      if (!segment.isEmpty() && !node.patterns.isEmpty()) {
        for (Node<H> candidate : node.patterns.values()) {
          if (route == null && capture(candidate.pattern, segment, values)) {
            route = orBacktrack(find(candidate, index + 1), taken);
          }
        }
      }
      if (route == null && !segment.isEmpty() && node.variable != null) {
        values.add(segment);
        route = orBacktrack(find(node.variable, index + 1), taken);
      }
      if (route == null && node.rest != null) {
        values.add(String.join("/", segments.subList(index, segments.size())));
        route = orBacktrack(routeAt(node.rest), taken);
      }
      return route;
    }

    private Route<H> orBacktrack(Route<H> route, int taken) {
      if (route == null) {
        values.subList(taken, values.size()).clear();
      }
      return route;
    }

    private Route<H> routeAt(Node<H> node) {
      Route<H> route = node.routeFor(method);
      if (route == null) {
        allow.addAll(node.routes.keySet());
      }
      return route;
    }
  }

  /** Adds the groups of a regex if it matches the whole segment. */
  private static boolean capture(Pattern pattern, String segment, List<String> values) {
    try {
      // Not find() with ^ and $: a $ also matches before a final line break.
      Matcher matcher = pattern.matcher(new CountedText(segment));
      if (segment.length() > MAX_REGEX_LENGTH || !matcher.matches()) {
        return false;
      }
      for (int i = 1; i <= matcher.groupCount(); i++) {
        values.add(segment.substring(matcher.start(i), matcher.end(i)));
      }
      return true;
    } catch (TooManyStepsException | StackOverflowError givenUp) {
      return false;
    }
  }

  /** Text that stops a regex which reads on and on. */
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

  /** A place in the tree: what may follow, and the routes that end here, by method. */
  private static final class Node<H> {
    private final Pattern pattern; // matches the segment before this node; null if no regex does
    private final Map<String, Node<H>> literals = new HashMap<>();
    private final Map<String, Node<H>> patterns = new LinkedHashMap<>();
    private Node<H> variable;
    private Node<H> rest;
    private final Map<String, Route<H>> routes = new HashMap<>();

    Node(Pattern pattern) {
      this.pattern = pattern;
    }

    Route<H> routeFor(String method) {
      Route<H> route = routes.get(method);
      if (route == null && method.equals("HEAD")) {
        route = routes.get("GET");
      }
      return route == null ? routes.get(ANY_METHOD) : route;
    }
  }

  /** A registered route: its answer without variables, and their names from left to right. */
  private record Route<H>(Found<H> found, List<String> names) {
    Found<H> found(List<String> values) {
      if (values.size() == 1) { // as most have it; a HashMap would be copied once more by Found
        return new Found<>(found.handler, found.template, Map.of(names.get(0), values.get(0)));
      }
      Map<String, String> variables = new HashMap<>();
      for (int i = 0; i < values.size(); i++) {
        variables.put(names.get(i), values.get(i));
      }
      return new Found<>(found.handler, found.template, variables);
    }
  }

  /** Takes a template apart and refuses its mistakes. */
  private static final class Template {
    private static final String ANY_TEXT = "([^/]+)"; // a dot would not match line separators
    private static final Pattern REST = Pattern.compile("\\{([^{}:]*)\\.\\.\\.}");
    private static final String ESCAPE = "\\\\[^1-9kQAbBGzZ]"; // \1, \k: back references; anchors
    private static final Pattern FORBIDDEN = Pattern.compile("\\\\[1-9kQ]|\\(\\?[a-zA-Z-]*[Ux]");
    private static final String BRACKETS = "\\[(?:[^\\[\\]]|\\[[^\\[\\]]*])*]";
    private static final Pattern GROUP = // an escape, a class, or (1) the start of a group
        Pattern.compile("\\\\.|" + BRACKETS + "|(\\(\\?(?:[a-zA-Z-]*:|[=!>]|<[=!]))");
    private static final String READ = "(?![^\\s\\S])(?<![^\\s\\S])"; // always true, and looks
    private static final String QUANTIFIED_GROUP = "\\([^()]*[*+?][^()]*\\)";
    private static final String ANCHOR = "(?:[\\^$]|\\\\[AbBGzZ])[*+?{]";
    private static final Pattern NESTED = Pattern.compile(QUANTIFIED_GROUP + "[*+{]|" + ANCHOR);

    private final String template;
    private final Set<String> names = new LinkedHashSet<>(); // of variables, left to right

    Template(String template) {
      this.template = requireNonNull(template, "template");
    }

    /** Grows the tree below this root as needed, and returns the node where the template ends. */
    <H> Node<H> addTo(Node<H> root) {
      if (!template.startsWith("/")) {
        throw mistake("template does not start with '/'", 0);
      }
      Node<H> node = root;
      int end = 0;
      while (end < template.length()) {
        int start = end + 1;
        int slash = template.indexOf('/', start);
        end = slash < 0 ? template.length() : slash;
        node = addSegment(node, start, end);
      }
      return node;
    }

    private <H> Node<H> addSegment(Node<H> node, int start, int end) {
      String segment = template.substring(start, end);
      boolean isLast = end == template.length();
      if (segment.equals(".") || segment.equals("..") || segment.isEmpty() && !isLast) {
        throw mistake("empty segment or dot segment", start);
      }
      Matcher restVariable = REST.matcher(segment);
      if (isLast && restVariable.matches()) {
        addName(restVariable.group(1), start + 1);
        node.rest = node.rest == null ? new Node<>(null) : node.rest;
        return node.rest;
      }
      int namesBefore = names.size();
      StringBuilder regex = new StringBuilder();
      for (int i = start; i < end; i++) {
        if (template.charAt(i) == '{') {
          int close = closingBrace(i, end);
          String[] variable = template.substring(i + 1, close).split(":", 2);
          addName(variable[0], i + 1);
          int regexStart = i + variable[0].length() + 2;
          regex.append(variable.length == 1 ? ANY_TEXT : counted(checked(variable[1], regexStart)));
          i = close;
        } else {
          char character = template.charAt(i);
          if ("}%?#\\".indexOf(character) >= 0 || Character.isISOControl(character)) {
            throw mistake("not literal text of a decoded path", i);
          }
          boolean isMeta = character < 128 && !Character.isLetterOrDigit(character);
          regex.append(isMeta ? "\\" : "").append(character);
        }
      }
      if (names.size() == namesBefore) {
        return node.literals.computeIfAbsent(segment, absent -> new Node<>(null));
      }
      if (regex.toString().equals(ANY_TEXT)) {
        node.variable = node.variable == null ? new Node<>(null) : node.variable;
        return node.variable;
      }
      return node.patterns.computeIfAbsent(
          regex.toString(), absent -> new Node<>(Pattern.compile(absent)));
    }

    /** Returns a group of it; what can branch without reading reads a character at each entry. */
    private static String counted(String regex) {
      Function<MatchResult, String> token =
          it -> Matcher.quoteReplacement(it.group() + (it.group(1) == null ? "" : READ));
      boolean mayBranch = regex.indexOf('|') >= 0 || regex.indexOf('(') >= 0;
      return "(" + (mayBranch ? READ + GROUP.matcher(regex).replaceAll(token) : regex) + ")";
    }

    private int closingBrace(int open, int end) {
      int depth = 0;
      for (int i = open; i < end; i++) {
        char character = template.charAt(i);
        depth += character == '{' ? 1 : character == '}' ? -1 : 0;
        if (depth == 0) {
          return i;
        }
        i += character == '\\' ? 1 : 0;
      }
      throw mistake("'{' without '}' in its segment", open);
    }

    private void addName(String name, int index) {
      if (name.endsWith("...")) {
        throw mistake("rest variable is not the whole last segment", index);
      }
      if (!name.matches("[A-Za-z_][A-Za-z0-9_-]*") || !names.add(name)) {
        throw mistake("variable name is repeated or not of letters, digits, '_' and '-'", index);
      }
    }

    private String checked(String regex, int index) {
      try {
        if (regex.isEmpty() || Pattern.compile(regex).matcher("").groupCount() > 0) {
          throw mistake("regex is empty or captures; a group is (?:...)", index);
        }
      } catch (PatternSyntaxException e) {
        throw mistake("bad regex, " + e.getDescription(), index + Math.max(0, e.getIndex()));
      }
      String shape = regex.replaceAll(ESCAPE, "x");
      if (FORBIDDEN.matcher(shape).find()) {
        throw mistake("back reference, \\Q, or flag U or x in a regex", index);
      }
      // Reduced to groups and quantifiers, folded from the inside out: catches usual mistakes
      // early.
      shape = shape.replaceAll(BRACKETS, "x").replace("(?", "(");
      shape = shape.replaceAll("\\{\\d+,\\d*}", "+"); // but {2} alone leaves no choice
      for (String before = ""; !shape.equals(before); ) { // folds groups from the inside out
        if (NESTED.matcher(shape).find()) {
          throw mistake("repeated anchor, or repeated group with a quantifier", index);
        }
        before = shape;
        shape = shape.replaceAll(QUANTIFIED_GROUP, "x?").replaceAll("\\([^()*+?]*\\)", "x");
      }
      return regex;
    }

    private IllegalArgumentException mistake(String what, int index) {
      return new IllegalArgumentException(what + " at index " + index + ": " + template);
    }
  }
}
