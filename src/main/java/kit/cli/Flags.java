// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static java.util.Objects.requireNonNull;

import java.time.DateTimeException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Parses the flags of a program from its command line and its environment, and prints {@code --help}.
 *
 * <p>Declare each flag once, then parse:
 *
 * <pre>{@code
 * Flags flags =
 *     new Flags("java -jar hello.jar", "Says hello over HTTP.", "HELLO_", System.getenv());
 * Supplier<Integer> port = flags.required("port, p", Flags.PORT, "TCP port; 0 = any free port");
 * Supplier<Optional<Double>> rate =
 *     flags.optional("rate", Flags.NUMBER.or("off"), "off", "requests per second");
 * flags.parse(args); // -p 8081 --rate=off
 * listen(port.get());
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The forms are those of Go's {@code flag}: {@code -name value}, {@code --name=value}; a switch is
 * {@code --name} or {@code --name=false}. Other arguments may stand among the flags; {@code --} ends
 * the flags. Unlike in Go, a flag twice or in the place of a value is an error.
 *
 * <p>A flag that is not given is read from the environment: with the prefix {@code HELLO_}, {@code
 * --drain-delay} from {@code HELLO_DRAIN_DELAY}. If the variable is missing or empty, the default
 * applies. Unknown variables are ignored. "No value" is a word, see {@link Type#or}: {@code --rate off}.
 * Kubernetes sets variables of the form {@code HELLO_PORT=tcp://host:port} if there is a Service named
 * "hello": remove them from the map that the constructor gets.
 *
 * <h2>Help</h2>
 *
 * <p>One row for each flag, below the heading of its {@link #group}, with all meanings in one column:
 *
 * <pre>
 *   Limits:
 *     --port, -p PORT  TCP port; 0 = any free port (required)
 *     --rate NUMBER    requests per second
 * </pre>
 *
 * <p>A default that stands for no value, or for a switch that is off, is not shown.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link UsageException} is one line that names the flag or variable and the allowed values; {@link
 * HelpException} carries the help. A name that is malformed or taken is an {@link
 * IllegalArgumentException}, a malformed default is a {@link UsageException}. Values in messages are escaped and shortened; {@link #secret} ones and user info in URLs never appear.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Not thread-safe: made for the start of {@code main}. Threads started after it may read handles.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 */
public final class Flags {
  /** One line of text that is not blank. */
  public static final Type<String> TEXT =
      new Type<>("TEXT", "a line of text", text -> text)
          .where("(not blank, no control characters)", Flags::isLine);

  /** A TCP port; 0 usually means any free port. */
  public static final Type<Integer> PORT =
      new Type<>("PORT", "a TCP port (0..65535)", integer(0, 65_535).parser);

  /** A duration of 0 or more; at most 292 years, so that it fits into nanoseconds. */
  public static final Type<Duration> DURATION =
      new Type<>("DURATION", "a duration (50ms, 3s, 1m, 1h30m)", Flags::duration);

  /** A decimal number of 0 or more, such as {@code 100} or {@code 0.5}. */
  public static final Type<Double> NUMBER =
      new Type<>("NUMBER", "a number", text -> Double.valueOf(matching(Flags.DECIMAL, text)))
          .where("(0 or more)", Double::isFinite);

  /** A fraction from 0 to 1, such as {@code 0.25}. */
  public static final Type<Double> RATIO =
      new Type<>("RATIO", "a ratio", NUMBER.parser).where("(0..1)", ratio -> ratio <= 1);

  /** A list of texts, separated by commas; white space around each is ignored. */
  public static final Type<List<String>> LIST =
      new Type<>("LIST", "a comma list (a,b)", text -> List.of(text.strip().split("\\s*,\\s*", -1)))
          .where("without empty items", items -> items.stream().allMatch(Flags::isLine));

  /** True when the flag stands alone: {@code --json}; also {@code --json=false}. */
  public static final Type<Boolean> SWITCH =
      new Type<>("", "true or false", text -> matching("true|false", text).equals("true"));

  private static final String NAME = "[a-z][a-z0-9]*(-[a-z0-9]+)*";
  private static final String DECIMAL = "[0-9]+(\\.[0-9]+)?"; // Double.valueOf takes "-0" and "1d"
  private static final List<String> HELP = List.of("help", "h");

  private final String usage;
  private final String description;
  private final String prefix; // of variables
  private final Map<String, String> environment;
  private final List<Flag<?>> flags = new ArrayList<>();
  private final Map<String, Flag<?>> flagsByName = new LinkedHashMap<>(); // by short name too
  private final Map<String, Map<String, String>> groups = new LinkedHashMap<>(); // rows by heading
  private final List<String> positionals = new ArrayList<>();
  private Positionals expected = new Positionals("", 0, 0);
  private Map<String, String> group = new LinkedHashMap<>(); // meanings by form, in a row each
  private int width; // of the forms
  private boolean isParsed;

  /**
   * Creates a parser without flags.
   *
   * @param usage the command in the help, such as {@code java -jar hello.jar}
   * @param description a sentence below it
   * @param prefix of the environment variables, such as {@code HELLO_}
   * @param environment the variables by name, such as {@link System#getenv()}
   */
  public Flags(String usage, String description, String prefix, Map<String, String> environment) {
    this.usage = requireNonNull(usage, "usage");
    this.description = requireNonNull(description, "description");
    this.prefix = requireNonNull(prefix, "prefix");
    this.environment = Map.copyOf(environment);
    group("Flags");
  }

  /** Returns the type of a whole number from {@code min} to {@code max}, both included. */
  public static Type<Integer> integer(int min, int max) {
    return new Type<>("INTEGER", "a whole number", Integer::valueOf)
        .where("(" + min + ".." + max + ")", number -> min <= number && number <= max);
  }

  /**
   * Returns the type of one of these words, exactly as written.
   *
   * @param placeholder stands for the word in the help, which should list the words: {@code FORMAT}
   */
  public static Type<String> oneOf(String placeholder, String... words) {
    return new Type<>(placeholder, "one of", text -> text)
        .where(String.join(", ", words), List.of(words)::contains);
  }

  // ---- Declarations

  /**
   * Puts the flags that are declared next below a heading of the help. Groups are printed in the order
   * of the first call for each; without a call, all flags stand below "Flags".
   */
  public Flags group(String heading) {
    group = groups.computeIfAbsent(heading, it -> new LinkedHashMap<>());
    return this;
  }

  /** Adds a row that is no flag to the group, such as a form that values may have. */
  public void row(String form, String meaning) {
    group.put(form, meaning);
    width = Math.max(width, form.length());
  }

  /**
   * Declares a flag that must be given, on the command line or in the environment.
   *
   * @param names the name, and a short one if there is to be one: {@code "port"}, {@code "port, p"}
   */
  public <T> Supplier<T> required(String names, Type<T> type, String help) {
    return declare(new Flag<>(names, type, Optional.empty(), false, help));
  }

  /** Declares a flag that may be left out; its default is written as on the command line. */
  public <T> Supplier<T> optional(String names, Type<T> type, String byDefault, String help) {
    return declare(new Flag<>(names, type, Optional.of(byDefault), false, help));
  }

  /** As {@link #optional}, for a value that is never printed. Other users can read command lines. */
  public <T> Supplier<T> secret(String names, Type<T> type, String byDefault, String help) {
    return declare(new Flag<>(names, type, Optional.of(byDefault), true, help));
  }

  /**
   * Declares the arguments that are not flags; without this call there are none. The result is a view,
   * empty until the arguments have been parsed.
   *
   * @param placeholder stands for them in the help: {@code UID}
   * @param min number of arguments, 0 or more
   * @param max number of arguments, {@code min} or more
   */
  public List<String> positionals(String placeholder, int min, int max) {
    expected = new Positionals(requireNonNull(placeholder, "placeholder"), min, max);
    return Collections.unmodifiableList(positionals);
  }

  private <T> Flag<T> declare(Flag<T> flag) {
    requireParsed(false);
    for (String name : flag.names) {
      if (!name.matches(NAME) || HELP.contains(name) || flagsByName.put(name, flag) != null) {
        throw new IllegalArgumentException("name is malformed or taken: " + name);
      }
    }
    flags.add(flag);
    boolean isUnset = Optional.empty().equals(flag.value) || Boolean.FALSE.equals(flag.value);
    String note = flag.preset.map(it -> " (default " + printable(it) + ")").orElse(" (required)");
    String form = "--" + String.join(", -", flag.names) + " " + flag.type.placeholder;
    row(form.strip(), isUnset ? flag.help : flag.help + note);
    return flag;
  }

  // ---- Parsing

  /**
   * Parses the arguments and the environment; called once, after the declarations.
   *
   * @throws UsageException if an argument or a variable is malformed, or a required one is missing
   * @throws HelpException at {@code --help}, unless an argument before it is malformed
   */
  public void parse(String... args) {
    Deque<String> rest = new ArrayDeque<>(List.of(args));
    boolean flagsEnded = false;
    while (!rest.isEmpty()) {
      String arg = rest.remove();
      if (!flagsEnded && arg.equals("--")) {
        flagsEnded = true;
      } else if (!flagsEnded && arg.startsWith("-") && !arg.equals("-")) {
        parseFlag(arg, rest);
      } else if (positionals.size() < expected.max) {
        positionals.add(decoded(expected.placeholder, arg));
      } else {
        throw new UsageException("unexpected argument: \"" + shown(arg) + '"');
      }
    }
    if (positionals.size() < expected.min) {
      throw new UsageException(expected.placeholder + " is missing");
    }
    flags.stream().filter(flag -> !flag.isGiven).forEach(this::readEnvironment);
    isParsed = true;
  }

  /** Returns the settings in effect, in one line: {@code name=userservice port=8081 token=***}. */
  public String effective() {
    requireParsed(true);
    StringJoiner line = new StringJoiner(" ");
    for (Flag<?> flag : flags) {
      String text = flag.isSecret && flag.isGiven ? "***" : printable(flag.text);
      String quoted = '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
      line.add(flag.name + "=" + (text.matches("[^\\s=\"]+") ? text : quoted));
    }
    return line.toString();
  }

  /** Returns whether a flag was given, be it in the environment; false for an unknown name. */
  public boolean isGiven(String name) {
    return flagsByName.containsKey(name) && flagsByName.get(name).isGiven;
  }

  private void parseFlag(String arg, Deque<String> rest) {
    String name = nameIn(arg);
    Flag<?> flag = flagsByName.get(name);
    if (HELP.contains(name)) {
      throw new HelpException(help());
    } else if (flag == null) {
      String hint =
          nearest(name, flagsByName.keySet())
              .map(known -> "; did you mean --" + known + "?")
              .orElse("; --help lists the flags");
      // Without the value, which may be the secret of a misspelt flag.
      throw new UsageException("unknown flag " + shown(arg.split("=")[0]) + hint);
    } else if (flag.isGiven) {
      throw new UsageException("--" + flag.name + " is given twice");
    }
    boolean isSwitch = flag.type.placeholder.isEmpty();
    if (!arg.contains("=") && !isSwitch && (rest.isEmpty() || looksLikeFlag(rest.element()))) {
      throw new UsageException("--" + flag.name + " needs a value: " + flag.type.description);
    }
    String next = isSwitch || arg.contains("=") ? "true" : rest.remove();
    flag.give("--" + flag.name, arg.contains("=") ? arg.substring(arg.indexOf('=') + 1) : next);
  }

  private static String nameIn(String arg) {
    return arg.substring(arg.startsWith("--") ? 2 : 1).split("=", 2)[0];
  }

  private boolean looksLikeFlag(String arg) {
    String name = arg.startsWith("-") ? nameIn(arg) : "";
    return arg.equals("--") || HELP.contains(name) || flagsByName.containsKey(name);
  }

  private void readEnvironment(Flag<?> flag) {
    String variable = variable(flag.name);
    String text = environment.getOrDefault(variable, "");
    if (!text.isEmpty()) {
      flag.give(variable, text);
    } else if (flag.preset.isEmpty()) {
      throw new UsageException("--" + flag.name + " is missing: " + flag.help);
    }
  }

  private String variable(String name) {
    return prefix + name.replace('-', '_').toUpperCase(Locale.ROOT);
  }

  private void requireParsed(boolean expected) {
    if (isParsed != expected) {
      throw new IllegalStateException(isParsed ? "already parsed" : "not parsed yet");
    }
  }

  // ---- Help and messages

  private String help() {
    groups.values().removeIf(Map::isEmpty);
    String row = "  %-" + width + "s  %s";
    StringJoiner text = new StringJoiner("\n");
    text.add("Usage: " + usage + " " + (expected.placeholder + " [flags]").strip());
    text.add("\n" + description);
    for (String heading : groups.keySet()) {
      text.add("\n" + heading + ":");
      groups.get(heading).forEach((form, help) -> text.add(String.format(row, form, help)));
    }
    text.add("\nForms: --name value or --name=value, with one dash or two.");
    text.add("Environment: " + variable("the-flag") + " sets --the-flag; the command line wins.");
    return text.toString();
  }

  /**
   * Returns a candidate that {@code word} is a misspelling of, if any: with one letter added, missing,
   * replaced or moved.
   */
  public static Optional<String> nearest(String word, Collection<String> candidates) {
    return candidates.stream()
        .filter(it -> it.length() > 2 && Math.abs(it.length() - word.length()) <= 1)
        .filter(it -> !Collections.disjoint(shortened(it), shortened(word)))
        .findFirst();
  }

  /** The word, and what is left of it without one letter: words that are near share one of these. */
  private static List<String> shortened(String word) {
    return IntStream.rangeClosed(0, word.length())
        .mapToObj(i -> word.substring(0, i) + word.substring(Math.min(i + 1, word.length())))
        .toList();
  }

  /** Returns {@code text} as messages quote it: escaped, shortened, and without user info. */
  public static String shown(String text) {
    return printable(text).replaceFirst("(.{60}).+", "$1...");
  }

  /** Returns {@code text}, unless the JVM has put U+FFFD in the place of what it cannot decode. */
  public static String decoded(String source, String text) {
    if (text.matches("(?s).*[\\ufffd\\p{Cs}].*")) {
      throw new UsageException(source + ": not in the encoding of the locale; use UTF-8 or a file");
    }
    return text;
  }

  private static String printable(String text) {
    // A password may hold any character, so what has an "@" and is no URL is hidden as a whole.
    boolean isUrl = text.matches("[a-zA-Z][a-zA-Z0-9+.-]*://[!-~]*@[!-~]*");
    String hidden = isUrl ? text.replaceFirst("://.*@", "://***@") : "***"; // to the last @
    return Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]")
        .matcher(text.indexOf('@') < 0 ? text : hidden)
        .replaceAll(found -> String.format("\\\\u{%x}", found.group().codePointAt(0)));
  }

  // ---- Values

  private static boolean isLine(String text) {
    return !text.isBlank() && text.codePoints().noneMatch(Character::isISOControl);
  }

  private static String matching(String pattern, String text) {
    return checked(text, it -> it.matches(pattern));
  }

  private static <T> T checked(T value, Predicate<? super T> isValid) {
    return Optional.of(value).filter(isValid).orElseThrow(IllegalArgumentException::new);
  }

  private static Duration duration(String text) {
    Duration duration =
        text.endsWith("ms")
            ? Duration.ofMillis(Long.parseLong(matching("[0-9]+ms", text).replace("ms", "")))
            : Duration.parse("PT" + matching("([0-9]+h)?([0-9]+m)?(" + DECIMAL + "s)?", text));
    return Duration.ofNanos(duration.toNanos()); // throws what does not fit
  }

  /**
   * The type of a flag's value. Programs may add types: {@code new Type<>("FILE", "a file", Path::of)}.
   *
   * @param placeholder stands for the value in the help; empty if the flag is a switch
   * @param description follows "not" in errors: {@code a TCP port (0..65535)}
   * @param parser rejects with an IllegalArgument-, Arithmetic- or DateTimeException of any text
   */
  public record Type<T>(String placeholder, String description, Function<String, T> parser) {
    /** Returns this type, or a word that stands for no value: {@code NUMBER.or("off")}. */
    public Type<Optional<T>> or(String word) {
      Function<String, Optional<T>> orNone =
          text -> text.equals(word) ? Optional.empty() : Optional.of(parser.apply(text));
      return new Type<>(placeholder, description + " or " + word, orNone);
    }

    /** Returns this type within a bound: {@code DURATION.where("above 0", wait -> !wait.isZero())}. */
    public Type<T> where(String bound, Predicate<? super T> isWithin) {
      Function<String, T> within = text -> checked(parser.apply(text), isWithin);
      return new Type<>(placeholder, description + " " + bound, within);
    }
  }

  /** Wrong command line or environment; the message is one line for the user. */
  public static final class UsageException extends RuntimeException {
    /** Creates one whose message names the flag or variable and the allowed values, no secrets. */
    public UsageException(String message) {
      super(message);
    }
  }

  /** Request for help; the message is the text to print. */
  public static final class HelpException extends RuntimeException {
    private HelpException(String text) {
      super(text);
    }
  }

  private record Positionals(String placeholder, int min, int max) {}

  private final class Flag<T> implements Supplier<T> {
    final List<String> names; // long, then short if there is one
    final String name;
    final Type<T> type;
    final Optional<String> preset; // empty: required
    final boolean isSecret;
    final String help;
    boolean isGiven; // by flag or variable
    String text;
    T value;

    Flag(String names, Type<T> type, Optional<String> preset, boolean isSecret, String help) {
      this.names = List.of(names.split(", "));
      this.name = this.names.get(0);
      this.type = requireNonNull(type, "type");
      this.preset = preset;
      this.isSecret = isSecret;
      this.help = requireNonNull(help, "help");
      preset.ifPresent(byDefault -> set("default of --" + name, byDefault));
    }

    @Override
    public T get() {
      requireParsed(true);
      return value;
    }

    void give(String source, String text) {
      set(source, decoded(source, text));
      isGiven = true;
    }

    private void set(String source, String text) {
      try {
        value = type.parser.apply(text);
        this.text = text;
      } catch (IllegalArgumentException | ArithmeticException | DateTimeException e) {
        String refused = isSecret ? "" : ": \"" + shown(text) + '"';
        throw new UsageException(source + ": not " + type.description + refused);
      }
    }
  }
}
