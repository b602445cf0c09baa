// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TraceContextTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SPAN = "00f067aa0ba902b7";
  private static final String VALID = "00-" + TRACE + "-" + SPAN + "-01";

  private static TraceContext withState(String... values) {
    return TraceContext.parse(VALID, List.of(values)).orElseThrow();
  }

  private static LongSupplier numbers(Long... numbers) {
    Iterator<Long> iterator = List.of(numbers).iterator();
    return iterator::next;
  }

  @Test
  void readsTheExampleOfTheStandardAndWritesItBack() {
    TraceContext context = TraceContext.parse(VALID, List.of()).orElseThrow();

    assertThat(context.traceId()).isEqualTo(TRACE);
    assertThat(TraceContext.hex(context.spanId())).isEqualTo(SPAN);
    assertThat(context.parentId()).isZero();
    assertThat(context.isSampled()).isTrue();
    assertThat(context.tracestate()).isEmpty();
    assertThat(context.traceparent()).isEqualTo(VALID);
    assertThat(context).hasToString(VALID);
  }

  @Test
  void onlyTheSampledFlagIsReadAndSent() {
    String others = "00-" + TRACE + "-" + SPAN;
    assertThat(TraceContext.parse(others + "-00", List.of()).orElseThrow().isSampled()).isFalse();
    assertThat(TraceContext.parse(others + "-fe", List.of()).orElseThrow().isSampled()).isFalse();
    assertThat(TraceContext.parse(others + "-ff", List.of()).orElseThrow().isSampled()).isTrue();
    assertThat(TraceContext.parse(others + "-ff", List.of()).orElseThrow().traceparent())
        .endsWith("-01");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "00-" + TRACE + "-" + SPAN,
        "00-" + TRACE + "-" + SPAN + "-0",
        "00-" + TRACE + "-" + SPAN + "-01-", // Version 00 ends here.
        "00-" + TRACE + "-" + SPAN + "-01-what-the-future-brings",
        "00-" + TRACE + "-" + SPAN + "-01 ",
        " 00-" + TRACE + "-" + SPAN + "-01",
        "00-" + TRACE + "-" + SPAN + "-0x",
        "0-" + TRACE + "-" + SPAN + "-01",
        "ff-" + TRACE + "-" + SPAN + "-01",
        "FF-" + TRACE + "-" + SPAN + "-01",
        "01-" + TRACE + "-" + SPAN + "-011",
        "00_" + TRACE + "-" + SPAN + "-01",
        "00-" + TRACE + "_" + SPAN + "-01",
        "00-" + TRACE + "-" + SPAN + "_01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + SPAN + "-01",
        "00-" + TRACE + "-00F067AA0BA902B7-01",
        "00-00000000000000000000000000000000-" + SPAN + "-01",
        "00-" + TRACE + "-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-" + SPAN + "-01",
        "00-" + TRACE + "-" + SPAN + "-0\u0661" // A digit, but not one of ASCII.
      })
  void invalidTraceparentIsIgnored(String traceparent) {
    assertThat(TraceContext.parse(traceparent, List.of())).isEmpty();
  }

  @Test
  void missingTraceparentIsNoContext() {
    assertThat(TraceContext.parse("", List.of("a=1"))).isEmpty();
  }

  @Test
  void laterVersionsAreReadAsFarAsVersion00Goes() {
    String later = "cc-" + TRACE + "-" + SPAN + "-01";
    assertThat(TraceContext.parse(later, List.of()).orElseThrow().traceparent()).isEqualTo(VALID);
    assertThat(
            TraceContext.parse(later + "-what-the-future-brings", List.of())
                .orElseThrow()
                .traceparent())
        .isEqualTo(VALID);
  }

  @Test
  void tracestateIsForwardedInOrderFromAnyNumberOfHeaders() {
    assertThat(withState("a=1 , b=x y", ",c@d=!~", "0t/*_-@sys=1").tracestate())
        .isEqualTo("a=1,b=x y,c@d=!~,0t/*_-@sys=1");
  }

  @Test
  void ofADuplicateKeyTheFirstIsKeptAndAllOtherMembersToo() {
    assertThat(withState("foo=1,foo=1").tracestate()).isEqualTo("foo=1");
    assertThat(withState("foo=1,foo=2").tracestate()).isEqualTo("foo=1");
    assertThat(withState("foo=1", "foo=2").tracestate()).isEqualTo("foo=1");
    assertThat(withState("a=1,foo=1,b=2", "foo=2,c=3,a=4").tracestate())
        .isEqualTo("a=1,foo=1,b=2,c=3");
    assertThat(withState("foo=1," + "foo=1,".repeat(40) + "z=2").tracestate())
        .isEqualTo("foo=1,z=2");
    assertThat(withState("foo=1,foo=\u00fc").tracestate()).as("malformed").isEmpty();
  }

  static Stream<List<String>> invalidStates() {
    return Stream.of(
        List.of("a"),
        List.of("=1"),
        List.of("a="),
        List.of("a=1=2"),
        List.of("A=1"),
        List.of("1a=1"),
        List.of("_a=1"),
        List.of("a b=1"),
        List.of("a@=1"),
        List.of("@a=1"),
        List.of("a@1b=1"),
        List.of("a@b@c=1"),
        List.of("a=\u00fc"),
        List.of("a=1\r\nX-Evil: 1"),
        List.of("a=\t1\tb"),
        List.of("k".repeat(257) + "=1"),
        List.of("t".repeat(242) + "@s=1"),
        List.of("t@" + "s".repeat(15) + "=1"),
        List.of("a=" + "x".repeat(257)),
        List.of("a=" + "x".repeat(250) + ",b=" + "x".repeat(250) + ",c=1234567"),
        List.of(
            IntStream.range(0, 33).mapToObj(i -> "k" + i + "=1").collect(Collectors.joining(","))));
  }

  @ParameterizedTest
  @MethodSource("invalidStates")
  void aTracestateThatIsNotValidIsDroppedAlone(List<String> values) {
    TraceContext context = TraceContext.parse(VALID, values).orElseThrow();
    assertThat(context.tracestate()).isEmpty();
    assertThat(context.traceId()).isEqualTo(TRACE);
  }

  @Test
  void tracestateMayHaveTheMaximumLength() {
    String state = "a=" + "x".repeat(250) + ",b=" + "x".repeat(250) + ",c=123";
    assertThat(state).hasSize(512 - 1);
    assertThat(withState(state).tracestate()).isEqualTo(state);
    assertThat(withState(state + "4").tracestate()).hasSize(512);
    assertThat(withState(state + "45").tracestate()).isEmpty();
  }

  @Test
  void childHasTheTraceIdAndTheParentId() {
    TraceContext parent = withState("a=1");
    TraceContext child = parent.child(numbers(7L));

    assertThat(child.traceId()).isEqualTo(TRACE);
    assertThat(child.parentId()).isEqualTo(parent.spanId());
    assertThat(child.spanId()).isEqualTo(7);
    assertThat(child.isSampled()).isTrue();
    assertThat(child.tracestate()).isEqualTo("a=1");
    assertThat(child.traceparent()).isEqualTo("00-" + TRACE + "-0000000000000007-01");
  }

  @Test
  void idsAreNeverZero() {
    TraceContext root = TraceContext.root(1, numbers(0L, 0L, 3L, 0L, 0L, 5L));
    assertThat(root.traceId()).isEqualTo("00000000000000000000000000000003");
    assertThat(root.spanId()).isEqualTo(5);
    assertThat(root.parentId()).isZero();
    assertThat(root.child(numbers(0L, 9L)).spanId()).isEqualTo(9);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TraceContext(0, 0, 1, 0, true, ""))
        .withMessage("trace id is 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TraceContext(1, 0, 0, 0, true, ""))
        .withMessage("span id is 0");
  }

  @Test
  void ratioDeterminesTheShareOfSampledTraces() {
    Random random = new Random(42);
    assertThat(sampled(0, random)).isZero();
    assertThat(sampled(1, random)).isEqualTo(10_000);
    assertThat(sampled(0.1, random)).isBetween(900, 1_100);
  }

  private static int sampled(double ratio, Random random) {
    int sampled = 0;
    for (int i = 0; i < 10_000; i++) {
      sampled += TraceContext.root(ratio, random::nextLong).isSampled() ? 1 : 0;
    }
    return sampled;
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void ratioOutsideItsRangeIsRejected(double ratio) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TraceContext.root(ratio, () -> 1))
        .withMessage("ratio not in 0..1: " + ratio);
  }
}
