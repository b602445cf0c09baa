// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlagsTest {
  private final Flags flags = with(Map.of());

  private static Flags with(Map<String, String> environment) {
    return new Flags("java -jar demo.jar", "Shows how flags work.", "KIT_", environment);
  }

  @Test
  void prefixOfVariablesIsConfigurable() {
    Map<String, String> environment = Map.of("HELLO_PORT", "80", "KIT_PORT", "81", "PORT", "82");
    for (String prefix : List.of("HELLO_", "KIT_", "")) {
      Flags flags = new Flags("hello", "Says hello.", prefix, environment);
      Supplier<Integer> port = flags.required("port", Flags.PORT, "TCP port");
      flags.parse();
      assertThat(port.get()).isEqualTo(Integer.valueOf(environment.get(prefix + "PORT")));
      assertThatThrownBy(() -> new Flags("hello", "Says hello.", prefix, Map.of()).parse("--help"))
          .hasMessageContaining(" " + prefix + "THE_FLAG sets --the-flag");
    }
  }

  @Test
  void readsTheExampleOfTheJavadoc() {
    Supplier<Integer> port = flags.required("port, p", Flags.PORT, "TCP port; 0 = any free port");
    Supplier<Duration> pause = flags.optional("pause", Flags.DURATION, "1s", "wait before the end");
    Supplier<Optional<Double>> rate =
        flags.optional("rate", Flags.NUMBER.or("off"), "off", "requests per second");

    flags.parse("-p", "8081", "--rate=off");

    assertThat(port.get()).isEqualTo(8081);
    assertThat(pause.get()).isEqualTo(Duration.ofSeconds(1));
    assertThat(rate.get()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-port 8081", "-port=8081", "--port 8081", "--port=8081",
        "-p 8081", "-p=8081", "--p 8081", "--p=8081"
      })
  void acceptsEveryForm(String line) {
    Supplier<Integer> port = flags.required("port, p", Flags.PORT, "TCP port");

    flags.parse(line.split(" "));

    assertThat(port.get()).isEqualTo(8081);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # flag,     KIT_DRAIN_DELAY, expected seconds
          2s,         3s,              2
          2s,         ,                2
          2s,         nonsense,        2
          ,           3s,              3
          ,           '',              1
          ,           ,                1
          """)
  void flagWinsOverEnvironmentWinsOverDefault(String flag, String variable, long expectedSeconds) {
    Map<String, String> environment =
        variable == null ? Map.of() : Map.of("KIT_DRAIN_DELAY", variable);
    Flags flags = with(environment);
    Supplier<Duration> drainDelay = flags.optional("drain-delay", Flags.DURATION, "1s", "pause");

    flags.parse(flag == null ? new String[0] : new String[] {"--drain-delay", flag});

    assertThat(drainDelay.get()).isEqualTo(Duration.ofSeconds(expectedSeconds));
  }

  @Test
  void requiredFlagMayComeFromTheEnvironmentAndUnknownVariablesAreIgnored() {
    Flags flags = with(Map.of("KIT_NAME", "userservice", "KIT_NMAE", "typo", "KIT_", "nothing"));
    Supplier<String> name = flags.required("name", Flags.TEXT, "service name");

    flags.parse();

    assertThat(name.get()).isEqualTo("userservice");
  }

  @Test
  void negativeNumbersAndOtherDashesAreValues() {
    Supplier<Integer> offset = flags.required("offset", Flags.integer(-9, 9), "offset");
    Supplier<String> name = flags.required("name", Flags.TEXT, "name");

    flags.parse("--offset", "-5", "--name", "-not-a-flag");

    assertThat(offset.get()).isEqualTo(-5);
    assertThat(name.get()).isEqualTo("-not-a-flag");
  }

  @Test
  void valueAfterTheEqualsSignMayBeAnything() {
    Supplier<String> name = flags.required("name", Flags.TEXT, "name");

    flags.parse("--name=--name=x");

    assertThat(name.get()).isEqualTo("--name=x");
  }

  @Test
  void switchHasNoValueOrOneAfterTheEqualsSign() {
    Supplier<Boolean> alone = flags.optional("alone", Flags.SWITCH, "false", "");
    Supplier<Boolean> off = flags.optional("off", Flags.SWITCH, "true", "");
    Supplier<Boolean> absent = flags.optional("absent", Flags.SWITCH, "false", "");
    List<String> rest = flags.positionals("WORD", 0, 1);

    flags.parse("--alone", "false", "-off=false");

    assertThat(alone.get()).isTrue();
    assertThat(off.get()).isFalse();
    assertThat(absent.get()).isFalse();
    assertThat(rest).containsExactly("false");
  }

  @Test
  void positionalsMayMixWithFlagsAndTwoDashesEndTheFlags() {
    Supplier<Boolean> all = flags.optional("all", Flags.SWITCH, "false", "");
    List<String> words = flags.positionals("WORD...", 1, 5);

    flags.parse("get", "--all", "-", "", "--", "--all", "--");

    assertThat(all.get()).isTrue();
    assertThat(words).containsExactly("get", "-", "", "--all", "--");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          50ms      | PT0.05S
          0s        | PT0S
          0ms       | PT0S
          3s        | PT3S
          1.5s      | PT1.5S
          1m        | PT1M
          1h        | PT1H
          1m30s     | PT1M30S
          1h30m5s   | PT1H30M5S
          90m       | PT90M
          2562047h  | PT2562047H
          """)
  void parsesDurations(String text, Duration expected) {
    assertThat(parsed(Flags.DURATION, text)).contains(expected);
  }

  @Test
  void rejectsInvalidValues() {
    assertRefuses(Flags.DURATION, "", "5", "0", "s", "ms", "-1s", "+1s", "1S", "1s1m", "1m5ms");
    assertRefuses(
        Flags.DURATION, "1 s", " 1s", "1d", "1us", ".5s", "1.s", "1.2.3s", "1.5m", "\u0663s");
    assertRefuses(Flags.DURATION, "2562048h", "9223372036854775807ms", "99999999999999999999s");
    assertRefuses(
        Flags.PORT, "", "-1", "65536", "8o81", "8081x", "8081.0", "0x50", " 80", "1".repeat(20));
    assertRefuses(
        Flags.NUMBER, "", "-1", "-0", "NaN", "Infinity", "1d", "0x1p3", "1e3", ".5", "5.", " 1");
    assertRefuses(Flags.RATIO, "", "1.0001", "2", "-0.1", "NaN", "50%");
    assertRefuses(Flags.TEXT, "", " ");
    assertRefuses(Flags.LIST, "", " ", ",", "a,", ",a", "a,,b", "a, ,b");
    assertRefuses(Flags.SWITCH, "", "TRUE", "yes", "1", "true ");
  }

  @Test
  void numberBeyondDoubleIsRejected() {
    assertThat(parsed(Flags.NUMBER, "9".repeat(308))).contains(Double.valueOf("9".repeat(308)));
    assertThat(parsed(Flags.NUMBER, "9".repeat(309))).isEmpty();
  }

  @Test
  void acceptsTheBoundsOfEveryType() {
    assertThat(parsed(Flags.PORT, "0")).contains(0);
    assertThat(parsed(Flags.PORT, "65535")).contains(65_535);
    assertThat(parsed(Flags.RATIO, "0")).contains(0.0);
    assertThat(parsed(Flags.RATIO, "1")).contains(1.0);
    assertThat(parsed(Flags.RATIO, "0.25")).contains(0.25);
    assertThat(parsed(Flags.NUMBER, "0.5")).contains(0.5);
    assertThat(parsed(Flags.integer(1, 3), "1")).contains(1);
    assertThat(parsed(Flags.integer(1, 3), "3")).contains(3);
    assertThat(parsed(Flags.integer(1, 3), "4")).isEmpty();
    assertThat(parsed(Flags.integer(1, 3), "0")).isEmpty();
    assertThat(parsed(Flags.LIST, " a , b c,d ")).contains(List.of("a", "b c", "d"));
    assertThat(parsed(Flags.TEXT, " Jerry's ")).contains(" Jerry's ");
    assertThat(parsed(Flags.oneOf("NAME", "random", "round-robin"), "random")).contains("random");
    assertThat(parsed(Flags.oneOf("NAME", "random", "round-robin"), "Random")).isEmpty();
  }

  @Test
  void wordForNoValueOverridesTheEnvironment() {
    Flags flags = with(Map.of("KIT_RATE", "100", "KIT_BURST", "20"));
    Supplier<Optional<Double>> rate = flags.optional("rate", Flags.NUMBER.or("off"), "off", "");
    Supplier<Optional<Double>> burst = flags.optional("burst", Flags.NUMBER.or("auto"), "auto", "");

    flags.parse("--rate", "off");

    assertThat(rate.get()).isEmpty();
    assertThat(burst.get()).contains(20.0);
  }

  @Test
  void boundedAndOwnTypesNameTheirBounds() {
    Flags.Type<Duration> atLeastOneMinute =
        Flags.DURATION.where("of at least 1m", wait -> wait.toMinutes() >= 1);
    flags.optional("deregister-after", atLeastOneMinute.or("never"), "1m", "");
    Supplier<Path> users =
        flags.required("users", new Flags.Type<>("FILE", "a file", Path::of), "");

    assertThatThrownBy(() -> flags.parse("--deregister-after=30s"))
        .hasMessageContainingAll("--deregister-after", "at least 1m or never", "\"30s\"");
    flags.parse("--deregister-after=never", "--users", "users.json");
    assertThat(users.get()).isEqualTo(Path.of("users.json"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --port abc                 | --port: not a TCP port (0..65535): "abc"
          -p abc                     | --port: not a TCP port (0..65535): "abc"
          --nmae x                   | unknown flag --nmae; did you mean --name?
          -Port=1                    | unknown flag -Port; did you mean --port?
          --drain_delay 1s           | unknown flag --drain_delay; did you mean --drain-delay?
          --verbose                  | unknown flag --verbose; --help lists the flags
          -8                         | unknown flag -8; --help lists the flags
          ---port 1                  | unknown flag ---port; did you mean --port?
          --=1                       | unknown flag --; --help lists the flags
          --name                     | --name needs a value: a line of text (not blank, no control characters)
          --port -- 1                | --port needs a value: a TCP port (0..65535)
          --name --port 8081         | --name needs a value: a line of text (not blank, no control characters)
          --name -port=8081          | --name needs a value: a line of text (not blank, no control characters)
          --name -p                  | --name needs a value: a line of text (not blank, no control characters)
          --name --help              | --name needs a value: a line of text (not blank, no control characters)
          --picker                   | --picker needs a value: one of round-robin, random
          --picker best              | --picker: not one of round-robin, random: "best"
          --port 1 -p 2              | --port is given twice
          --json --json=false        | --json is given twice
          --json=no                  | --json: not true or false: "no"
          --port 1                   | --name is missing: service name
          --name x                   | --port is missing: TCP port
          --name x --port 1 get      | unexpected argument: "get"
          --name x --port 1 -- --all | unexpected argument: "--all"
          """)
  void wrongCommandLineIsOneLineWithTheFlag(String line, String message) {
    flags.required("name", Flags.TEXT, "service name");
    flags.required("port, p", Flags.PORT, "TCP port");
    flags.optional("drain-delay", Flags.DURATION, "1s", "pause");
    flags.optional("picker", Flags.oneOf("NAME", "round-robin", "random"), "random", "picker");
    flags.optional("json", Flags.SWITCH, "false", "as JSON");

    assertThatThrownBy(() -> flags.parse(line.split(" ")))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # word,       nearest of load; loop; get; hash-password; p
          laod,         load
          lad,          load
          loadd,        load
          oload,        load
          loud,         load
          lop,          loop
          gte,          get
          gt,           get
          hashpassword, hash-password
          hash_password, hash-password
          oadl,         load
          get,          get
          lp,
          aodl,
          leader,
          q,
          '',
          """)
  void nearestDiffersByOneLetterOrTwoSwapped(String word, String expected) {
    List<String> names = List.of("load", "loop", "get", "hash-password", "p");

    assertThat(Flags.nearest(word, names)).isEqualTo(Optional.ofNullable(expected));
    assertThat(Flags.nearest(word + "x".repeat(1_000_000), names)).isEmpty();
  }

  @Test
  void invalidVariableIsNamed() {
    Flags flags = with(Map.of("KIT_PORT", "80 81"));
    flags.required("port", Flags.PORT, "TCP port");

    assertThatThrownBy(() -> flags.parse())
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("KIT_PORT", "0..65535", "80 81");
  }

  @Test
  void countsPositionals() {
    flags.positionals("UID", 1, 1);
    assertThatThrownBy(() -> flags.parse()).hasMessageContaining("UID is missing");
    assertThatThrownBy(() -> flags.parse("1", "2")).hasMessageContainingAll("argument", "\"2\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"-h", "--h", "-help", "--help", "--help=x", "--name x --help", "-h --bad"})
  void helpListsTheFlags(String line) {
    flags.group("Registry");
    flags.optional("registry", Flags.TEXT, "consul://127.0.0.1:8500", "where to register");
    flags.group("Server");
    flags.required("name", Flags.TEXT, "service name");
    flags.group("Empty");
    flags.group("Forms").row("consul://host:port", "Consul agent");
    flags.group("Server").required("port, p", Flags.PORT, "TCP port; 0 = any free port");
    flags.optional("rate", Flags.NUMBER.or("off"), "off", "requests per second");
    flags.optional("burst", Flags.NUMBER.or("off"), "5", "requests at once");
    flags.group("Registry");
    flags.optional("picker", Flags.oneOf("NAME", "first", "random"), "random", "first or random");
    flags.optional("deregister-after", Flags.DURATION, "1m", "Consul forgets a critical service");
    flags.optional("json", Flags.SWITCH, "false", "print JSON");
    flags.optional("color", Flags.SWITCH, "true", "print colors");
    flags.positionals("UID", 1, 1);

    assertThatThrownBy(() -> flags.parse(line.split(" ")))
        .isInstanceOf(Flags.HelpException.class)
        .hasMessage(
            """
            Usage: java -jar demo.jar UID [flags]

            Shows how flags work.

            Registry:
              --registry TEXT              where to register (default consul://127.0.0.1:8500)
              --picker NAME                first or random (default random)
              --deregister-after DURATION  Consul forgets a critical service (default 1m)
              --json                       print JSON
              --color                      print colors (default true)

            Server:
              --name TEXT                  service name (required)
              --port, -p PORT              TCP port; 0 = any free port (required)
              --rate NUMBER                requests per second
              --burst NUMBER               requests at once (default 5)

            Forms:
              consul://host:port           Consul agent

            Forms: --name value or --name=value, with one dash or two.
            Environment: KIT_THE_FLAG sets --the-flag; the command line wins.""");
  }

  @Test
  void helpWithoutGroupsHasOneHeading() {
    flags.optional("rate", Flags.NUMBER, "1", "requests per second");

    assertThatThrownBy(() -> flags.parse("--help"))
        .hasMessageContaining(
            "\n\nFlags:\n  --rate NUMBER  requests per second (default 1)\n\nForms");
    assertThatThrownBy(() -> with(Map.of()).parse("--help"))
        .hasMessageContaining("Shows how flags work.\n\nForms");
  }

  @Test
  void distinguishesGivenValuesFromDefaults() {
    Flags given = new Flags("test", "Test.", "KIT_", Map.of("KIT_TAGS", "a", "KIT_RATE", ""));
    given.optional("name", Flags.TEXT, "web", "name");
    given.optional("tags", Flags.LIST, "a", "labels");
    given.optional("rate", Flags.NUMBER, "1", "rate");

    given.parse("--name=web"); // As by default, but given.

    assertThat(given.isGiven("name")).isTrue();
    assertThat(given.isGiven("tags")).isTrue();
    assertThat(given.isGiven("rate")).isFalse();
    assertThat(given.isGiven("nmae")).isFalse();
  }

  @Test
  void effectiveSettingsAreOneLineInDeclarationOrder() {
    Flags flags = with(Map.of("KIT_TAGS", "a, b"));
    flags.required("name", Flags.TEXT, "");
    flags.optional("port", Flags.PORT, "8081", "");
    flags.optional("tags", Flags.LIST, "primary", "");
    flags.optional("title", new Flags.Type<>("ANY", "anything", text -> text), "", "");
    flags.optional("subtitle", new Flags.Type<>("ANY", "anything", text -> text), "", "");
    flags.secret("token", Flags.TEXT.or("none"), "none", "");
    flags.optional("registry", Flags.TEXT, "x", "");

    flags.parse(
        "--title=\"C:\\a\u001b[2J=\u202e",
        "--name",
        "user\\1",
        "--registry",
        "consul://jerry:s3cr@t@127.0.0.1:8500");

    assertThat(flags.effective())
        .isEqualTo(
            "name=user\\1 port=8081 tags=\"a, b\" title=\"\\\"C:\\\\a\\\\u{1b}[2J=\\\\u{202e}\""
                + " subtitle=\"\" token=none registry=consul://***@127.0.0.1:8500");
  }

  @Test
  void secretsAreShownNowhere() {
    Flags.Type<String> hexadecimal =
        Flags.TEXT.where("of hex digits", text -> text.matches("\\p{XDigit}+"));
    Flags fromEnvironment = with(Map.of("KIT_TOKEN", "s3cret"));
    fromEnvironment.secret("token", hexadecimal.or("none"), "none", "");
    Flags given = with(Map.of("KIT_TOKEN", "c0de"));
    given.secret("token", hexadecimal.or("none"), "none", "");
    flags.secret("token", hexadecimal, "00", "");
    String refusal = ": not a line of text (not blank, no control characters) of hex digits";

    assertThatThrownBy(() -> flags.parse("--token=s3cret"))
        .hasMessage("--token" + refusal)
        .hasNoCause();
    assertThatThrownBy(() -> flags.parse("--tokn=s3cret"))
        .hasMessage("unknown flag --tokn; did you mean --token?");
    assertThatThrownBy(() -> fromEnvironment.parse())
        .hasMessage("KIT_TOKEN" + refusal + " or none");
    given.parse();
    assertThat(given.effective()).isEqualTo("token=***");
  }

  /** What a value with user info is shown as, wherever that is. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      ignoreLeadingAndTrailingWhitespace = true,
      textBlock =
          """
          http://u:s3cret@h:1               | http://***@h:1
          http://u:s3c@ret@h:1/p?q          | http://***@h:1/p?q
          http://u:s3cret/s3cret@h:1        | http://***@h:1
          http://u:s3cret#s3cret@h:1        | http://***@h:1
          http://u:s3cret?s3cret@h:1        | http://***@h:1
          etcd://u:s3cret@a:1,b:2           | etcd://***@a:1,b:2
          a+b.c-1://s3cret@h                | a+b.c-1://***@h
          http://u:s3cret@h:1,http://u@h:2  | http://***@h:2
          etcd://u:s3cret s3cret@h:1        | ***
          etcd://u:s3cret\\ts3cret@h:1       | ***
          etcd://u:s3cret\\ns3cret@h:1       | ***
          etcd://u:s3cret\\240s3cret@h:1     | ***
          etcd://u:s3cret%@h:1              | etcd://***@h:1
          HTTP://u:<s3cret>@h:1             | HTTP://***@h:1
          etcd://u:s3cret@h:1 2             | ***
          http://u:s3cret@h:1, http://h:2   | ***
          u:s3cret@h:8500                   | ***
          u:s3cret@x://y@h:1                | ***
          s3cret@h                          | ***
          http:u:s3cret@h:1                 | ***
          http:/u:s3cret@h:1                | ***
          http//u:s3cret@h:1                | ***
          //u:s3cret@h:1                    | ***
          ://u:s3cret@h:1                   | ***
          static:u:s3cret@h:1               | ***
          @s3cret                           | ***
          """)
  void userInfoIsShownNowhere(String text, String shown) {
    String value = text.translateEscapes();
    Flags given = with(Map.of("KIT_FROM_VARIABLE", value));
    Flags.Type<String> any = new Flags.Type<>("ANY", "anything", it -> it);
    Flags.Type<String> nothing = new Flags.Type<>("NONE", "anything", FlagsTest::refuse);
    given.optional("from-variable", any, "", "");
    given.optional("by-default", any, value, "");
    given.parse();
    assertThat(given.effective()).isEqualTo("from-variable=" + shown + " by-default=" + shown);

    given = with(Map.of("KIT_FROM_VARIABLE", value));
    given.optional("from-variable", nothing.or("none"), "none", "");
    assertThatThrownBy(given::parse)
        .hasMessage("KIT_FROM_VARIABLE: not anything or none: \"" + shown + '"')
        .hasNoCause();
    assertThatThrownBy(() -> with(Map.of()).parse(value))
        .hasMessage("unexpected argument: \"" + shown + '"');
    assertThatThrownBy(() -> with(Map.of()).parse("--" + value)).hasMessageNotContaining("s3cret");
    assertThatThrownBy(() -> with(Map.of()).optional("flag", nothing, value, ""))
        .hasMessage("default of --flag: not anything: \"" + shown + '"');
    flags.optional("flag", any, value, "");
    assertThatThrownBy(() -> flags.parse("--help"))
        .isInstanceOf(Flags.HelpException.class)
        .hasMessageContaining(shown)
        .hasMessageNotContaining("s3cret");
  }

  private static String refuse(String text) {
    throw new IllegalArgumentException(text);
  }

  @Test
  void valuesInMessagesAreEscapedShortenedAndWithoutPasswords() {
    flags.required("port", Flags.PORT, "");
    String smileys = "\ud83d\ude00".repeat(61);

    assertThatThrownBy(() -> flags.parse("--port", "1\r\n\u001b[31m\u2028\u0085\u202e"))
        .hasMessageEndingWith(": \"1\\u{d}\\u{a}\\u{1b}[31m\\u{2028}\\u{85}\\u{202e}\"");
    assertThatThrownBy(() -> flags.parse("--port", smileys))
        .hasMessageEndingWith(": \"" + smileys.substring(2) + "...\"");
    assertThatThrownBy(() -> flags.parse("--port", smileys.substring(2)))
        .hasMessageEndingWith(": \"" + smileys.substring(2) + "\"");
    assertThatThrownBy(() -> flags.parse("--port", "http://u:" + "p".repeat(99) + "@host"))
        .hasMessageEndingWith(": \"http://***@host\"");
    assertThatThrownBy(() -> flags.parse("-\u001b" + "x".repeat(100_000)))
        .hasMessage("unknown flag -\\u{1b}" + "x".repeat(53) + "...; --help lists the flags");
    assertThatThrownBy(() -> flags.parse("a\nb")).hasMessage("unexpected argument: \"a\\u{a}b\"");
  }

  @Test
  void textThatTheJvmCouldNotDecodeIsRejected() {
    String advice = "UTF-8";
    for (String text : List.of("p\ufffd", "\ufffd\ufffd", "a\ud800b", "\udc00\ud800")) {
      Flags given = with(Map.of("KIT_TOKEN", text));
      given.secret("token", Flags.TEXT, "none", "");
      assertThatThrownBy(given::parse)
          .isInstanceOf(Flags.UsageException.class)
          .hasMessageContainingAll("KIT_TOKEN", advice)
          .hasMessageNotContaining(text);
      Flags named = with(Map.of());
      named.optional("name", Flags.TEXT, "x", "");
      assertThatThrownBy(() -> named.parse("--name=" + text))
          .hasMessageContainingAll("--name", advice);
      Flags list = with(Map.of());
      list.optional("tags", Flags.LIST, "x", "");
      assertThatThrownBy(() -> list.parse("-tags", text)).hasMessageContainingAll("--tags", advice);
      Flags positional = with(Map.of());
      positional.positionals("UID", 0, 1);
      assertThatThrownBy(() -> positional.parse(text)).hasMessageContainingAll("UID", advice);
    }
    assertThat(parsed(Flags.TEXT, "p\u00e4 \u20ac \ud83d\ude00")).isPresent();
  }

  @Test
  void textRejectsControlCharacters() {
    assertThat(parsed(Flags.TEXT, "a\nb")).isEmpty();
    assertThat(parsed(Flags.TEXT, "a\u0000b")).isEmpty();
    assertThat(parsed(Flags.LIST, "a,b\u001bc")).isEmpty();
  }

  @Test
  void rejectsInvalidDeclarations() {
    flags.required("port, p", Flags.PORT, "");
    assertRefused("taken: port", () -> flags.required("port", Flags.PORT, ""));
    assertRefused("taken: p", () -> flags.required("p", Flags.PORT, ""));
    assertRefused("taken: help", () -> flags.required("help", Flags.TEXT, ""));
    assertRefused("taken: h", () -> flags.required("host, h", Flags.TEXT, ""));
    for (String name : List.of("", "-x", "--x", "x-", "a--b", "Name", "drain_delay", "a=b", "1a")) {
      assertRefused(": " + name, () -> flags.required(name, Flags.TEXT, ""));
    }
    assertThatThrownBy(() -> flags.optional("size", Flags.integer(1, 9), "10", ""))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--size", "1..9", "\"10\"");
    assertThatThrownBy(() -> flags.optional("x", Flags.TEXT, null, ""))
        .isInstanceOf(NullPointerException.class);
  }

  @Test
  void declarationsAndValuesAreUsedInOrder() {
    Supplier<Integer> port = flags.optional("port", Flags.PORT, "0", "");
    List<String> words = flags.positionals("WORD", 0, 1);
    assertTooEarlyOrLate("not parsed yet", port::get);
    assertThat(words).isEmpty();
    assertTooEarlyOrLate("not parsed yet", flags::effective);

    flags.parse("word");

    assertThat(words).containsExactly("word");
    assertTooEarlyOrLate("already parsed", () -> flags.required("name", Flags.TEXT, ""));
  }

  private static <T> Optional<T> parsed(Flags.Type<T> type, String text) {
    Flags flags = with(Map.of());
    Supplier<T> flag = flags.required("flag", type, "a flag");
    try {
      flags.parse("--flag=" + text);
      return Optional.of(flag.get());
    } catch (Flags.UsageException refused) {
      return Optional.empty();
    }
  }

  private static void assertRefuses(Flags.Type<?> type, String... texts) {
    for (String text : texts) {
      Flags flags = with(Map.of());
      flags.required("flag", type, "a flag");
      assertThat(catchThrowable(() -> flags.parse("--flag=" + text)))
          .as("\"%s\"", text)
          .isInstanceOf(Flags.UsageException.class)
          .hasMessage("--flag: not " + type.description() + ": \"" + text + '"');
    }
  }

  private static void assertRefused(String messageEnd, Runnable declaration) {
    assertThatThrownBy(declaration::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageEndingWith(messageEnd);
  }

  private static void assertTooEarlyOrLate(String message, Runnable use) {
    assertThatThrownBy(use::run).isInstanceOf(IllegalStateException.class).hasMessage(message);
  }
}
