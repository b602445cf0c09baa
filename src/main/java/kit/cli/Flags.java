// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static java.util.Objects.requireNonNull;

import java.time.DateTimeException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
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
 * Reads the settings of a program from its command line, its environment and their defaults, and
 * prints them with {@code --help}. Declare each flag once, then parse:
 *
 * <pre>{@code
 * Flags flags =
 *     new Flags("java -jar hello.jar", "Says hello over HTTP.", "HELLO_", System.getenv());
 * Supplier<Integer> port = flags.required("port", 'p', Flags.PORT, "TCP port; 0 = any free port");
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
 * --drain-delay} from {@code HELLO_DRAIN_DELAY}. Then its default counts. Empty, overridden and unknown
 * variables are ignored; so is {@code tcp://host:port} for a {@link #PORT}, which Kubernetes puts into
 * {@code HELLO_PORT} for a Service named "hello". "No value" is a word, see {@link Type#or}: {@code
 * --rate off}.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link UsageException} is one line that names the flag or variable and what it takes; {@link
 * HelpException} carries the help. A wrong declaration is an {@link IllegalArgumentException}. Values
 * in messages are escaped and shortened; {@link #secret} ones and user info in URLs never appear.
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

  /** A TCP port; 0 commonly stands for any free one. */
  public static final Type<Integer> PORT =
      new Type<>("PORT", "a TCP port", Integer::valueOf)
          .where("(0..65535)", port -> 0 <= port && port <= 65_535);

  /** A duration of 0 or more; at most 292 years, so that it fits into nanoseconds. */
  public static final Type<Duration> DURATION =
      new Type<>("DURATION", "a duration (50ms, 3s, 1m, 1h30m)", Flags::duration);

  /** A decimal number of 0 or more, such as {@code 100} or {@code 0.5}. */
  public static final Type<Double> NUMBER =
      new Type<>("NUMBER", "a number", text -> Double.valueOf(matching(Flags.DECIMAL, text)))
          .where("(0 or more)", Double::isFinite);

  /** A share from 0 to 1, such as {@code 0.25}. */
  public static final Type<Double> RATIO =
      new Type<>("RATIO", "a ratio", NUMBER.parser).where("(0..1)", ratio -> ratio <= 1);

  /** One or more texts with commas between them; white space around each is dropped. */
  public static final Type<List<String>> LIST =
      new Type<>("LIST", "a comma list (a,b)", text -> List.of(text.strip().split("\\s*,\\s*", -1)))
          .where("without empty items", items -> items.stream().allMatch(Flags::isLine));

  /** True when the flag stands alone: {@code --json}; also {@code --json=false}. */
  public static final Type<Boolean> SWITCH =
      new Type<>("", "true or false", text -> matching("true|false", text).equals("true"));

  private static final String NAME = "[a-z][a-z0-9]*(-[a-z0-9]+)*";
  private static final String DECIMAL = "[0-9]+(\\.[0-9]+)?"; // Double.valueOf takes "-0" and "1d"
  private static final List<String> HELP = List.of("help", "h");
  private static final Pattern UNSAFE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]");
  private static final Pattern UNDECODED = Pattern.compile("[\\ufffd\\p{Cs}]");
  private static final String HELP_ROW = "  %-27s  %-23s  %s"; // 44 of 100 columns for the meaning

  private final String usage;
  private final String description;
  private final String prefix; // of variables
  private final Map<String, String> environment;
  private final List<Flag<?>> flags = new ArrayList<>();
  private final Map<String, Flag<?>> flagsByName = new HashMap<>(); // by short name too
  private final List<String> positionals = new ArrayList<>();
  private final List<String> ignored = new ArrayList<>(); // variables
  private Positionals expected = new Positionals("", 0, 0);
  private boolean isParsed;

  /**
   * Declares no flag yet.
   *
   * @param usage the command in the help, such as {@code java -jar hello.jar}
   * @param description a sentence below it
   * @param prefix what the names of variables begin with, such as {@code HELLO_}
   * @param environment the variables by name, such as {@link System#getenv()}
   */
  public Flags(String usage, String description, String prefix, Map<String, String> environment) {
    this.usage = requireNonNull(usage, "usage");
    this.description = requireNonNull(description, "description");
    this.prefix = requireNonNull(prefix, "prefix");
    this.environment = Map.copyOf(environment);
  }

  /** Returns the type of a whole number from {@code min} to {@code max}, both included. */
  public static Type<Integer> integer(int min, int max) {
    return new Type<>("INTEGER", "a whole number", Integer::valueOf)
        .where("(" + min + ".." + max + ")", number -> min <= number && number <= max);
  }

  /** Returns the type of one of these words, exactly as written. */
  public static Type<String> oneOf(String... words) {
    return new Type<>(String.join("|", words), "one of", text -> text)
        .where(String.join(", ", words), List.of(words)::contains);
  }

  /** Declares a flag that must be given, on the command line or in the environment. */
  public <T> Supplier<T> required(String name, Type<T> type, String help) {
    return declare(new Flag<>(List.of(name), type, Optional.empty(), false, help));
  }

  /** Declares a flag that must be given and has a short name too: 'p' for {@code -p}. */
  public <T> Supplier<T> required(String name, char shortName, Type<T> type, String help) {
    return declare(new Flag<>(List.of(name, "" + shortName), type, Optional.empty(), false, help));
  }

  /** Declares a flag that may be left out; its default is written as on the command line. */
  public <T> Supplier<T> optional(String name, Type<T> type, String byDefault, String help) {
    return declare(new Flag<>(List.of(name), type, Optional.of(byDefault), false, help));
  }

  /** As {@link #optional}; the value is never shown. Other users can read a command line, though. */
  public <T> Supplier<T> secret(String name, Type<T> type, String byDefault, String help) {
    return declare(new Flag<>(List.of(name), type, Optional.of(byDefault), true, help));
  }

  /** Declares the arguments that are not flags, in the help {@code UID}; without this, none. */
  public Supplier<List<String>> positionals(String placeholder, int min, int max) {
    requireParsed(false);
    if (min < 0 || max < min) {
      throw new IllegalArgumentException("not 0 <= min <= max: " + min + ", " + max);
    }
    expected = new Positionals(requireNonNull(placeholder, "placeholder"), min, max);
    return () -> {
      requireParsed(true);
      return List.copyOf(positionals);
    };
  }

  /**
   * Gives every handle its value; called once, after the declarations.
   *
   * @throws UsageException if an argument or a variable is wrong, or something required is missing
   * @throws HelpException if help is asked for, and nothing before that is wrong
   */
  public void parse(String... args) {
    requireParsed(false);
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

  /** Returns the variables that were ignored because Kubernetes has set them; log a warning. */
  public List<String> ignored() {
    return List.copyOf(ignored);
  }

  /** Returns whether a flag was given, be it in the environment; false for an unknown name. */
  public boolean isGiven(String name) {
    return flagsByName.containsKey(name) && flagsByName.get(name).isGiven;
  }

  private <T> Flag<T> declare(Flag<T> flag) {
    requireParsed(false);
    for (String name : flag.names) {
      if (HELP.contains(matching(NAME, name)) || flagsByName.putIfAbsent(name, flag) != null) {
        throw new IllegalArgumentException("name is taken: " + name);
      }
    }
    flags.add(flag);
    return flag;
  }

  private void parseFlag(String arg, Deque<String> rest) {
    String name = nameIn(arg);
    Flag<?> flag = flagsByName.get(name);
    if (HELP.contains(name)) {
      throw new HelpException(help());
    } else if (flag == null) {
      // Only up to the "=": what follows may be the secret of a misspelt flag.
      throw new UsageException("unknown flag " + shown(arg.split("=")[0]) + suggestion(name));
    } else if (flag.isGiven) {
      throw new UsageException("--" + flag.name + " is given twice");
    } else if (arg.contains("=")) {
      flag.give("--" + flag.name, arg.substring(arg.indexOf('=') + 1));
    } else if (flag.type.placeholder.isEmpty()) {
      flag.give("--" + flag.name, "true");
    } else if (rest.isEmpty() || looksLikeFlag(rest.element())) {
      throw new UsageException("--" + flag.name + " needs a value: " + flag.type.description);
    } else {
      flag.give("--" + flag.name, rest.remove());
    }
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
    if (flag.type.placeholder.matches("PORT(\\|.*)?") && text.matches("tcp://[^/@]+:[0-9]+")) {
      ignored.add(variable);
      text = "";
    }
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

  private String help() {
    StringJoiner text = new StringJoiner("\n");
    text.add("Usage: " + usage + " " + (expected.placeholder + " [flags]").strip() + "\n");
    text.add(description + "\n").add(String.format(HELP_ROW, "flag", "default", "meaning"));
    for (Flag<?> flag : flags) {
      String form = "--" + String.join(", -", flag.names) + " " + flag.type.placeholder;
      String value = flag.preset.map(Flags::printable).orElse("required");
      text.add(String.format(HELP_ROW, form, value, flag.help));
    }
    text.add("\nFlags are written --name value, --name=value, -name value or -name=value.");
    text.add("If not given, the environment counts: " + variable("the-flag") + " is --the-flag.");
    return text.toString();
  }

  private String suggestion(String unknown) {
    return flags.stream()
        .map(flag -> flag.name)
        .filter(name -> edits(unknown, name) <= Math.min(3, name.length() / 2))
        .min(Comparator.comparingInt(name -> edits(unknown, name)))
        .map(name -> "; did you mean --" + name + "?")
        .orElse("; --help lists the flags");
  }

  /** Levenshtein distance: the letters to insert, remove or replace. */
  private static int edits(String from, String to) {
    int[] row = IntStream.rangeClosed(0, to.length()).toArray();
    for (int i = 0; i < from.length(); i++) {
      int diagonal = row[0]++;
      for (int j = 0; j < to.length(); j++) {
        int replaced = diagonal + (from.charAt(i) == to.charAt(j) ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = Math.min(replaced, 1 + Math.min(row[j], diagonal));
      }
    }
    return row[to.length()];
  }

  /** Returns {@code text} as messages quote it: escaped, shortened, and without user info. */
  public static String shown(String text) {
    return printable(text).replaceFirst("(.{60}).+", "$1...");
  }

  /** Returns {@code text}, unless the JVM has put U+FFFD in the place of what it cannot decode. */
  public static String decoded(String source, String text) {
    if (UNDECODED.matcher(text).find()) {
      throw new UsageException(source + ": not in the encoding of the locale; use UTF-8 or a file");
    }
    return text;
  }

  private static String printable(String text) {
    // A password may hold any character, so what has an "@" and is no URL is hidden as a whole.
    boolean isUrl = text.matches("[a-zA-Z][a-zA-Z0-9+.-]*://[!-~]*@[!-~]*");
    String hidden = isUrl ? text.replaceFirst("://.*@", "://***@") : "***"; // to the last @
    return UNSAFE
        .matcher(text.indexOf('@') < 0 ? text : hidden)
        .replaceAll(found -> String.format("\\\\u{%x}", found.group().codePointAt(0)));
  }

  private static boolean isLine(String text) {
    return !text.isBlank() && text.codePoints().noneMatch(Character::isISOControl);
  }

  private static String matching(String pattern, String text) {
    if (!text.matches(pattern)) {
      throw new IllegalArgumentException("not " + pattern + ": " + text);
    }
    return text;
  }

  private static Duration duration(String text) {
    Duration duration =
        text.endsWith("ms")
            ? Duration.ofMillis(Long.parseLong(matching("[0-9]+ms", text).replace("ms", "")))
            : Duration.parse("PT" + matching("([0-9]+h)?([0-9]+m)?(" + DECIMAL + "s)?", text));
    return Duration.ofNanos(duration.toNanos()); // throws what does not fit
  }

  /**
   * What a flag takes. Programs may add types: {@code new Type<>("FILE", "a file", Path::of)}.
   *
   * @param placeholder stands for the value in the help; empty if the flag is a switch
   * @param description follows "not" in errors: {@code a TCP port (0..65535)}
   * @param parser refuses with an IllegalArgument-, Arithmetic- or DateTimeException of any text
   */
  public record Type<T>(String placeholder, String description, Function<String, T> parser) {
    /** Returns this type, or a word that stands for no value: {@code NUMBER.or("off")}. */
    public Type<Optional<T>> or(String word) {
      Function<String, Optional<T>> orNone =
          text -> text.equals(word) ? Optional.empty() : Optional.of(parser.apply(text));
      return new Type<>(placeholder + "|" + word, description + " or " + word, orNone);
    }

    /** Returns this type within a bound: {@code DURATION.where("above 0", wait -> !wait.isZero())}. */
    public Type<T> where(String bound, Predicate<? super T> isWithin) {
      Supplier<RuntimeException> refusal = IllegalArgumentException::new;
      Function<String, T> within =
          text -> Optional.of(parser.apply(text)).filter(isWithin).orElseThrow(refusal);
      return new Type<>(placeholder, description + " " + bound, within);
    }
  }

  /** The command line or the environment is wrong; the message is one line for the user. */
  public static final class UsageException extends RuntimeException {
    /** Names the flag or variable and what it takes, without secrets. */
    public UsageException(String message) {
      super(message);
    }
  }

  /** The user asks for help; the message is the text to print. */
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

    Flag(List<String> names, Type<T> type, Optional<String> preset, boolean isSecret, String help) {
      this.names = names;
      this.name = names.get(0);
      this.type = requireNonNull(type, "type");
      this.preset = preset;
      this.isSecret = isSecret;
      this.help = requireNonNull(help, "help");
      if (!preset.map(this::accepts).orElse(true)) {
        String problem = "default of --" + name + " is not " + type.description + ": ";
        throw new IllegalArgumentException(problem + shown(preset.get()));
      }
    }

    @Override
    public T get() {
      requireParsed(true);
      return value;
    }

    void give(String source, String text) {
      if (!accepts(decoded(source, text))) {
        String refused = isSecret ? "" : ": \"" + shown(text) + '"';
        throw new UsageException(source + ": not " + type.description + refused);
      }
      isGiven = true;
    }

    boolean accepts(String text) {
      try {
        value = type.parser.apply(text);
        this.text = text;
        return true;
      } catch (IllegalArgumentException | ArithmeticException | DateTimeException e) {
        return false;
      }
    }
  }
}
