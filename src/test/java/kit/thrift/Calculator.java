// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/**
 * The service that the tests call.
 *
 * <pre>
 * exception Overflow { 1: string why }
 * struct Work { 1: i32 a, 2: i32 b, 3: optional string note, 4: list&lt;i64> xs,
 *               5: map&lt;string,double> m, 6: bool ok }
 * service Calculator {
 *   i32 add(1: i32 a, 2: i32 b) throws (1: Overflow o),
 *   Work echo(1: Work w),
 *   oneway void zip()
 * }
 * </pre>
 */
final class Calculator {
  static final ThriftCodec<Overflow> OVERFLOW =
      new ThriftCodec<>(
          (e, to) -> to.write(1, ThriftType.STRING, e.getMessage()),
          from -> new Overflow(text(from)));

  static final ThriftMethod<Sum, Integer> ADD =
      ThriftMethod.of(
              "add",
              new ThriftCodec<Sum>(
                  (sum, to) ->
                      to.write(1, ThriftType.I32, sum.a()).write(2, ThriftType.I32, sum.b()),
                  Calculator::sum),
              ThriftType.I32)
          .declaring(1, Overflow.class, OVERFLOW);

  static final ThriftCodec<Work> WORK = new ThriftCodec<>(Calculator::write, Calculator::work);

  static final ThriftMethod<Work, Work> ECHO =
      ThriftMethod.of(
          "echo",
          new ThriftCodec<>(
              (work, to) -> to.write(1, ThriftType.struct(WORK), work),
              from -> {
                Work work = null;
                while (from.next()) {
                  work = from.field() == 1 ? from.read(ThriftType.struct(WORK)) : work;
                }
                if (work == null) {
                  throw new IOException("no work");
                }
                return work;
              }),
          ThriftType.struct(WORK));

  static final ThriftMethod<Boolean, Void> ZIP =
      ThriftMethod.oneway("zip", new ThriftCodec<>((nothing, to) -> {}, from -> true));

  final CountDownLatch zipped = new CountDownLatch(1);

  /** The arguments of {@code add}. */
  record Sum(int a, int b) {}

  /** The struct of the interface definition; {@code note} may be null. */
  record Work(int a, int b, String note, List<Long> xs, Map<String, Double> m, boolean ok) {}

  /** The exception of the interface definition. */
  static final class Overflow extends Exception {
    private static final long serialVersionUID = 1;

    Overflow(String why) {
      super(why);
    }
  }

  ThriftServer server() {
    return new ThriftServer(ThriftServer.MAX_MESSAGE_BYTES)
        .add(ADD, (context, sum) -> add(sum))
        .add(ECHO, (context, work) -> work)
        .add(
            ZIP,
            (context, nothing) -> {
              zipped.countDown();
              return null;
            });
  }

  private static int add(Sum sum) throws Overflow, InterruptedException {
    if (sum.a() == -1) {
      throw new IllegalStateException("secret");
    }
    if (sum.a() == -2) {
      new CountDownLatch(1).await();
    }
    if (sum.a() == -3) {
      throw new ThriftException(42, "no: \u00fcn\u00ef");
    }
    try {
      return Math.addExact(sum.a(), sum.b());
    } catch (ArithmeticException e) {
      throw new Overflow("too big");
    }
  }

  private static Sum sum(ThriftReader from) throws IOException {
    int a = 0;
    int b = 0;
    while (from.next()) {
      switch (from.field()) {
        case 1 -> a = from.read(ThriftType.I32);
        case 2 -> b = from.read(ThriftType.I32);
        default -> {}
      }
    }
    return new Sum(a, b);
  }

  private static String text(ThriftReader from) throws IOException {
    String text = "";
    while (from.next()) {
      text = from.field() == 1 ? from.read(ThriftType.STRING) : text;
    }
    return text;
  }

  private static void write(Work work, ThriftWriter to) {
    to.write(1, ThriftType.I32, work.a()).write(2, ThriftType.I32, work.b());
    if (work.note() != null) {
      to.write(3, ThriftType.STRING, work.note());
    }
    to.write(4, ThriftType.listOf(ThriftType.I64), work.xs())
        .write(5, ThriftType.mapOf(ThriftType.STRING, ThriftType.DOUBLE), work.m())
        .write(6, ThriftType.BOOL, work.ok());
  }

  private static Work work(ThriftReader from) throws IOException {
    int a = 0;
    int b = 0;
    String note = null;
    List<Long> xs = List.of();
    Map<String, Double> m = Map.of();
    boolean ok = false;
    while (from.next()) {
      switch (from.field()) {
        case 1 -> a = from.read(ThriftType.I32);
        case 2 -> b = from.read(ThriftType.I32);
        case 3 -> note = from.read(ThriftType.STRING);
        case 4 -> xs = from.read(ThriftType.listOf(ThriftType.I64));
        case 5 -> m = from.read(ThriftType.mapOf(ThriftType.STRING, ThriftType.DOUBLE));
        case 6 -> ok = from.read(ThriftType.BOOL);
        default -> {}
      }
    }
    return new Work(a, b, note, xs, m, ok);
  }
}
