// SPDX-License-Identifier: Apache-2.0
package kit.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import kit.log.KeyValueLog.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import testing.LogfmtReader;
import testing.Race;

class KeyValueLogTest {
  private final List<String> lines = new ArrayList<>();
  private final KeyValueLog logfmt = KeyValueLog.logfmt(lines::add);
  private final KeyValueLog json = KeyValueLog.json(lines::add);

  private String line() {
    assertThat(lines).hasSize(1);
    return lines.remove(0);
  }

  private String logfmt(Object... keysAndValues) {
    logfmt.log(keysAndValues);
    return line();
  }

  private String json(Object... keysAndValues) {
    json.log(keysAndValues);
    return line();
  }

  /** An object whose toString() has the last word. */
  private static Object named(Supplier<String> name) {
    return new Object() {
      @Override
      public String toString() {
        return name.get();
      }
    };
  }

  // The first rows are those of go-logfmt's own tests.
  static final List<Object[]> VALUES =
      List.of(
          new Object[] {null, "null", "null"},
          new Object[] {"", "", "\"\""},
          new Object[] {"null", "\"null\"", "\"null\""},
          new Object[] {"v", "v", "\"v\""},
          new Object[] {"v v", "\"v v\"", "\"v v\""},
          new Object[] {" ", "\" \"", "\" \""},
          new Object[] {"\"", "\"\\\"\"", "\"\\\"\""},
          new Object[] {"=", "\"=\"", "\"=\""},
          new Object[] {"\\", "\\", "\"\\\\\""},
          new Object[] {"=\\", "\"=\\\\\"", "\"=\\\\\""},
          new Object[] {"\\\"", "\"\\\\\\\"\"", "\"\\\\\\\"\""},
          new Object[] {"\u0000", "\"\\u0000\"", "\"\\u0000\""},
          new Object[] {"\u007f", "\"\\u007f\"", "\"\\u007f\""},
          new Object[] {"\ufffd", "\"\\ufffd\"", "\"\\ufffd\""},
          new Object[] {"\n\r\t", "\"\\n\\r\\t\"", "\"\\n\\r\\t\""},
          new Object[] {"\b\f", "\"\\u0008\\u000c\"", "\"\\u0008\\u000c\""},
          new Object[] {"<b>&'", "<b>&'", "\"<b>&'\""},
          new Object[] {"\u00e9\u20ac", "\u00e9\u20ac", "\"\u00e9\u20ac\""},
          new Object[] {"\ud83d\ude00", "\ud83d\ude00", "\"\ud83d\ude00\""},
          // go-logfmt leaves these as they are, but a terminal does not show them.
          new Object[] {"\u001b[31m", "\"\\u001b[31m\"", "\"\\u001b[31m\""},
          new Object[] {"\u009b31m", "\"\\u009b31m\"", "\"\\u009b31m\""},
          new Object[] {"a\u2028b", "\"a\\u2028b\"", "\"a\\u2028b\""},
          new Object[] {"a\u202eb", "\"a\\u202eb\"", "\"a\\u202eb\""},
          new Object[] {"a\u200fb", "\"a\\u200fb\"", "\"a\\u200fb\""},
          new Object[] {"a\ud83d", "\"a\\ufffd\"", "\"a\\ufffd\""},
          new Object[] {"\ude00a", "\"\\ufffda\"", "\"\\ufffda\""},
          // Other types.
          new Object[] {7, "7", "7"},
          new Object[] {-7L, "-7", "-7"},
          new Object[] {2.5, "2.5", "2.5"},
          new Object[] {1e30, "1.0E30", "1.0E30"},
          new Object[] {1.5e-7f, "1.5E-7", "1.5E-7"},
          new Object[] {new BigDecimal("1E+3"), "1E+3", "1E+3"},
          new Object[] {new AtomicInteger(3), "3", "3"},
          new Object[] {Double.NaN, "NaN", "\"NaN\""},
          new Object[] {Double.NEGATIVE_INFINITY, "-Infinity", "\"-Infinity\""},
          new Object[] {true, "true", "true"},
          new Object[] {'x', "x", "\"x\""},
          new Object[] {Level.WARN, "warn", "\"warn\""},
          new Object[] {Duration.ofNanos(3_518_100), "3.518ms", "\"3.518ms\""},
          new Object[] {Duration.ofSeconds(90), "90000.000ms", "\"90000.000ms\""},
          new Object[] {Duration.ZERO, "0.000ms", "\"0.000ms\""},
          new Object[] {Duration.ofNanos(-1_500), "-0.001ms", "\"-0.001ms\""},
          new Object[] {
            new IOException("no route"),
            "\"java.io.IOException: no route\"",
            "\"java.io.IOException: no route\""
          },
          new Object[] {List.of(1, 2), "\"[1, 2]\"", "\"[1, 2]\""},
          new Object[] {new int[] {1}, "\"unsupported value type\"", "\"unsupported value type\""},
          new Object[] {
            new String[] {"a"}, "\"unsupported value type\"", "\"unsupported value type\""
          },
          new Object[] {named(() -> null), "null", "null"},
          new Object[] {
            named(
                () -> {
                  throw new IllegalStateException("not now");
                }),
            "\"PANIC: java.lang.IllegalStateException\"",
            "\"PANIC: java.lang.IllegalStateException\""
          },
          new Object[] {(Supplier<Object>) () -> 8, "8", "8"},
          new Object[] {(Supplier<Object>) () -> null, "null", "null"},
          new Object[] {
            (Supplier<Object>)
                () -> {
                  throw new StackOverflowError();
                },
            "\"PANIC: java.lang.StackOverflowError\"",
            "\"PANIC: java.lang.StackOverflowError\""
          });

  @ParameterizedTest
  @FieldSource("VALUES")
  void valuesAreWritten(Object value, String inLogfmt, String inJson) {
    assertThat(logfmt("k", value)).isEqualTo("k=" + inLogfmt);
    assertThat(json("k", value)).isEqualTo("{\"k\":" + inJson + "}");
  }

  static final List<Object[]> KEYS =
      List.of(
          new Object[] {"k", "k=v"},
          new Object[] {"k k", "kk=v"},
          new Object[] {"k\n=\"\u007f\ufffd\u001b\u202e", "k=v"},
          new Object[] {"\u00e9\ud83d\ude00", "\u00e9\ud83d\ude00=v"},
          new Object[] {"=", "_=v"},
          new Object[] {"", "_=v"},
          new Object[] {" \t", "_=v"},
          new Object[] {null, "_=v"},
          new Object[] {"null", "null=v"},
          new Object[] {new int[] {1}, "_=v"},
          new Object[] {new String[] {"k"}, "_=v"},
          new Object[] {"\"\ud800\u0000", "_=v"},
          new Object[] {(Supplier<Object>) () -> null, "_=v"},
          new Object[] {(Supplier<Object>) () -> "k k", "kk=v"},
          new Object[] {7, "7=v"});

  @ParameterizedTest
  @FieldSource("KEYS")
  void keysOfLogfmtHaveNothingThatCouldEndThem(Object key, String line) {
    assertThat(logfmt(key, "v")).isEqualTo(line);
  }

  @ParameterizedTest
  @FieldSource("KEYS")
  void keysOfJsonAreThoseOfLogfmt(Object key, String line) {
    assertThat(json(key, "v")).isEqualTo("{\"" + line.replace("=v", "\":\"v\"}"));
  }

  @Test
  void keysOfJsonAreSortedAndTheLastOfEqualOnesWins() {
    assertThat(json("b", 1, "a", 2, "b", 3, "\n", 4)).isEqualTo("{\"_\":4,\"a\":2,\"b\":3}");
    assertThat(json()).isEqualTo("{}");
  }

  @Test
  void logfmtKeepsOrderAndDuplicates() {
    assertThat(logfmt("b", 1, "a", 2, "b", 3)).isEqualTo("b=1 a=2 b=3");
  }

  @Test
  void keyWithoutValueIsMarkedAtEachStep() {
    logfmt.with("a").withPrefix("b", 1, "c").withSuffix("d").log("e", 2, "f");

    assertThat(line()).isEqualTo("b=1 c=(MISSING) a=(MISSING) e=2 f=(MISSING) d=(MISSING)");
  }

  @Test
  void contextComesInTheOrderOfGoKit() {
    logfmt
        .with("b", 1)
        .withPrefix("a", 2)
        .with("c", 3)
        .withSuffix("z", 4)
        .withSuffix("aa", 5)
        .log("msg", 6);

    assertThat(line()).isEqualTo("a=2 b=1 c=3 msg=6 z=4 aa=5");
  }

  @Test
  void levelComesFirst() {
    logfmt.with("b", 1).at(Level.INFO).withPrefix("a", 2).log("msg", "hi");
    assertThat(line()).isEqualTo("level=info a=2 b=1 msg=hi");

    json.with("b", 1).at(Level.ERROR).log("msg", "hi");
    assertThat(line()).isEqualTo("{\"b\":1,\"level\":\"error\",\"msg\":\"hi\"}");
  }

  @Test
  void logCopiesTheArrayOfPairs() {
    Object[] mine = {"a", 1};
    KeyValueLog log = logfmt.with(mine);
    mine[1] = 2;
    log.log();

    assertThat(line()).isEqualTo("a=1");
  }

  @Test
  void siblingLogsDoNotShareContext() {
    KeyValueLog parent = logfmt.with("p", 0);
    KeyValueLog left = parent.with("side", "left");
    KeyValueLog right = parent.with("side", "right");
    left.log();
    assertThat(line()).isEqualTo("p=0 side=left");
    right.log();
    assertThat(line()).isEqualTo("p=0 side=right");
  }

  @Test
  void suppliersAreCalledOncePerWrittenEvent() {
    AtomicInteger asked = new AtomicInteger();
    Supplier<Object> counting = asked::incrementAndGet;
    KeyValueLog log = logfmt.with("n", counting).allowing(Level.INFO);

    log.log();
    assertThat(line()).isEqualTo("n=1");
    log.at(Level.DEBUG).log("of no interest", counting);
    log.at(Level.INFO).withSuffix("m", counting).log();
    assertThat(line()).isEqualTo("level=info n=2 m=3");
  }

  @ParameterizedTest
  @EnumSource(Level.class)
  void onlyLevelsFromTheLeastOnAreWritten(Level least) {
    KeyValueLog log = logfmt.allowing(least);
    List<String> expected = new ArrayList<>();
    for (Level level : Level.values()) {
      log.at(level).log();
      if (level != Level.OFF && level.ordinal() >= least.ordinal()) {
        expected.add("level=" + level.name().toLowerCase());
        assertThat(log.allows(level)).isTrue();
      } else {
        assertThat(log.allows(level)).isFalse();
      }
    }
    log.log("no", "level");
    expected.add("no=level");

    assertThat(lines).isEqualTo(expected);
  }

  @Test
  void filterAppliesAtAnyPositionInTheChain() {
    logfmt.at(Level.DEBUG).allowing(Level.INFO).log();
    logfmt.allowing(Level.INFO).with("a", 1).at(Level.DEBUG).withSuffix("b", 2).log();
    logfmt.allowing(Level.INFO).allowing(Level.DEBUG).at(Level.DEBUG).log(); // The last one holds.

    assertThat(line()).isEqualTo("level=debug");
  }

  @ParameterizedTest
  @CsvSource({"info, INFO", "' Warn\n', WARN", "OFF, OFF", "trace, TRACE"})
  void levelsAreParsedInAnyCase(String name, Level level) {
    assertThat(Level.parse(name)).isEqualTo(level);
  }

  @Test
  void unknownLevelIsRejected() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Level.parse("loud"))
        .withMessage("not a level: loud");
    assertThatNullPointerException().isThrownBy(() -> logfmt.at(null));
    assertThatNullPointerException().isThrownBy(() -> logfmt.allowing(null));
  }

  @Test
  void timestampIsUtcAndRfc3339() {
    InstantSource clock = InstantSource.fixed(Instant.parse("2026-11-25T22:48:01.120Z"));

    assertThat(logfmt("ts", KeyValueLog.timestamp(clock))).isEqualTo("ts=2026-11-25T22:48:01.120Z");
  }

  /** Stands for a logging adapter, which is not the caller to report. */
  private static final class Wrapper {
    static void log(KeyValueLog log) {
      log.at(Level.INFO).log("msg", "hi");
    }
  }

  @Test
  void callerIsTheLoggingCodeWhicheverFactoryMadeTheLog() {
    String here = "caller=KeyValueLogTest.java:";
    logfmt.with("caller", KeyValueLog.caller()).log();
    assertThat(line()).startsWith(here);

    // go-kit counts frames, and is wrong behind a filter (go-kit/kit#1086).
    logfmt.with("caller", KeyValueLog.caller()).allowing(Level.INFO).at(Level.INFO).log();
    assertThat(line()).startsWith("level=info " + here);

    List.of(1).forEach(i -> json.with("caller", KeyValueLog.caller()).log());
    assertThat(line()).startsWith("{\"caller\":\"KeyValueLogTest.java:");
  }

  @Test
  void callerSkipsTheGivenPackages() {
    // As if the test's own package were a wrapper's: the next one up is JUnit or the JDK.
    Wrapper.log(logfmt.with("caller", KeyValueLog.caller("kit.log")));

    assertThat(line())
        .doesNotContain("KeyValueLog")
        .matches("level=info caller=\\w+\\.java:\\d+ .*");
  }

  @Test
  void eventIsOneWriteOfUtf8() {
    List<String> writes = new ArrayList<>();
    OutputStream out =
        new OutputStream() {
          @Override
          public void write(int value) {
            throw new AssertionError("byte by byte");
          }

          @Override
          public void write(byte[] bytes, int offset, int count) {
            writes.add(new String(bytes, offset, count, StandardCharsets.UTF_8));
          }
        };
    KeyValueLog.logfmt(out).log("a", "\u20ac");
    KeyValueLog.json(out).log("a", "\u20ac");

    assertThat(writes).containsExactly("a=\u20ac\n", "{\"a\":\"\u20ac\"}\n");
  }

  @Test
  void writeFailureOfTheStreamIsIgnored() {
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int value) throws IOException {
            throw new IOException("disk full");
          }
        };

    KeyValueLog.logfmt(full).log("a", 1);
  }

  @Test
  void threadsDoNotMixLines() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream(); // Takes one write after the other.
    KeyValueLog shared = KeyValueLog.logfmt(out).with("p", "q");
    Race.runNumbered(
        8,
        thread -> {
          KeyValueLog own = shared.with("thread", thread);
          for (int i = 0; i < 10_000; i++) {
            own.log("i", i);
          }
          return null;
        });

    Map<String, Long> counts =
        out.toString(StandardCharsets.UTF_8)
            .lines()
            .collect(
                Collectors.groupingBy(
                    line -> line.replaceFirst("i=\\d+$", "i=N"), Collectors.counting()));
    Map<String, Long> expected = new LinkedHashMap<>();
    for (int thread = 0; thread < 8; thread++) {
      expected.put("p=q thread=" + thread + " i=N", 10_000L);
    }
    assertThat(counts).isEqualTo(expected);
  }

  @Test
  void hostileTextIsOneLineAndParsesBack() throws Exception {
    String path =
        "/user/7\r\n2026-11-25T22:48:01Z level=info msg=\"all is well\" \u001b[2J\u009b1m";
    String header = "\"}\u2028{\"admin\":true} x=\\\" \u202e \ud800 \t\u0000";
    Map<String, String> event = Map.of("path", path, "header", header.replace('\ud800', '\ufffd'));

    String inLogfmt = logfmt("path", path, "header", header);
    assertThat(inLogfmt).matches("[\\x20-\\x7e]+");
    assertThat(LogfmtReader.read(inLogfmt)).isEqualTo(event);

    String inJson = json("path", path, "header", header);
    assertThat(inJson).matches("[\\x20-\\x7e]+");
    JsonNode read = new ObjectMapper().readTree(inJson);
    assertThat(read).hasSize(2);
    event.forEach((key, value) -> assertThat(read.get(key).textValue()).isEqualTo(value));
  }

  @Test
  void anyTextParsesBack() throws Exception {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    ObjectMapper mapper = new ObjectMapper();
    for (int round = 0; round < 2_000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(8); i > 0; i--) {
        int limit = new int[] {0x20, 0x80, 0x100, 0x2100, 0x10000, 0x110000}[random.nextInt(6)];
        int c = random.nextInt(limit);
        text.appendCodePoint(Character.getType(c) == Character.SURROGATE ? '"' : c);
      }
      String value = text.toString();
      assertThat(LogfmtReader.read(logfmt("a", value, "b", value)))
          .as("seed %d", seed)
          .isEqualTo(Map.of("a", value, "b", value));
      assertThat(mapper.readTree(json("a", value)).get("a").textValue())
          .as("seed %d", seed)
          .isEqualTo(value);
    }
  }
}
