// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What client and server know of a method: its name, its arguments, its result, and the exceptions that
 * it declares.
 *
 * <pre>{@code
 * // string getName(1: i32 uid) throws (1: NotFound notFound)
 * ThriftMethod<Integer, String> getName =
 *     ThriftMethod.of("getName", uidArgument, ThriftType.STRING)
 *         .declaring(1, NotFound.class, notFoundCodec);
 * }</pre>
 *
 * <p>Immutable; thread-safe.
 *
 * @param <Q> the arguments
 * @param <R> the result
 */
public final class ThriftMethod<Q, R> {
  private static final int SUCCESS = 0;

  private final String name;
  private final ThriftCodec<Q> arguments;
  private final ThriftType<R> result;
  private final boolean isOneway;
  private final List<Declared<?>> declared;

  /** An exception of the interface definition, and its field in the result. */
  private record Declared<E extends Exception>(int field, Class<E> type, ThriftCodec<E> codec) {
    void write(Throwable e, ThriftWriter to) {
      to.write(field, ThriftType.struct(codec), type.cast(e));
    }
  }

  private ThriftMethod(
      String name,
      ThriftCodec<Q> arguments,
      ThriftType<R> result,
      boolean isOneway,
      List<Declared<?>> declared) {
    this.name = requireNonNull(name, "name");
    this.arguments = requireNonNull(arguments, "arguments");
    this.result = requireNonNull(result, "result");
    this.isOneway = isOneway;
    this.declared = declared;
  }

  /** Returns a method with a response; its result may be {@link ThriftType#VOID}. */
  public static <Q, R> ThriftMethod<Q, R> of(
      String name, ThriftCodec<Q> arguments, ThriftType<R> result) {
    return new ThriftMethod<>(name, arguments, result, false, List.of());
  }

  /** Returns a method without a response: its client does not learn what became of the call. */
  public static <Q> ThriftMethod<Q, Void> oneway(String name, ThriftCodec<Q> arguments) {
    return new ThriftMethod<>(name, arguments, ThriftType.VOID, true, List.of());
  }

  /**
   * Returns this method with one more exception that it declares.
   *
   * @param field its number in the {@code throws} clause
   * @throws IllegalStateException if the method is oneway
   */
  public <E extends Exception> ThriftMethod<Q, R> declaring(
      int field, Class<E> type, ThriftCodec<E> codec) {
    if (isOneway) {
      throw new IllegalStateException("a oneway method declares no exceptions: " + name);
    }
    List<Declared<?>> more = new ArrayList<>(declared);
    more.add(new Declared<>(field, requireNonNull(type, "type"), requireNonNull(codec, "codec")));
    return new ThriftMethod<>(name, arguments, result, false, List.copyOf(more));
  }

  /** Returns the name. */
  public String name() {
    return name;
  }

  boolean isOneway() {
    return isOneway;
  }

  byte[] call(int sequence, Q request) {
    int type = isOneway ? ThriftMessage.ONEWAY : ThriftMessage.CALL;
    return ThriftMessage.frame(type, name, sequence, to -> arguments.write(request, to));
  }

  Q request(ThriftReader from) throws IOException {
    return arguments.read(from);
  }

  /** Returns the response to a call that succeeded. */
  byte[] reply(int sequence, R response) {
    return ThriftMessage.frame(
        ThriftMessage.REPLY,
        name,
        sequence,
        to -> {
          if (result != ThriftType.VOID) {
            to.write(SUCCESS, result, response);
          }
        });
  }

  /** Returns the response to a call that failed with an exception that is declared; else empty. */
  Optional<byte[]> declaredFailure(int sequence, Throwable e) {
    for (Declared<?> one : declared) {
      if (one.type().isInstance(e)) {
        return Optional.of(
            ThriftMessage.frame(ThriftMessage.REPLY, name, sequence, to -> one.write(e, to)));
      }
    }
    return Optional.empty();
  }

  static byte[] failure(String name, int sequence, ThriftException e) {
    return ThriftMessage.frame(
        ThriftMessage.EXCEPTION, name, sequence, to -> ThriftException.CODEC.write(e, to));
  }

  /** What a response says: a result, or an exception. */
  record Outcome<R>(R result, Optional<Exception> failure) {
    /** Returns that of a call without a response. */
    static <R> Outcome<R> none() {
      return new Outcome<>(null, Optional.empty());
    }

    R get() throws Exception {
      if (failure.isPresent()) {
        throw failure.get();
      }
      return result;
    }
  }

  Outcome<R> outcome(ThriftMessage response) throws IOException {
    ThriftReader from = response.fields();
    if (response.type() == ThriftMessage.EXCEPTION) {
      return new Outcome<>(null, Optional.of(ThriftException.CODEC.read(from)));
    }
    R value = null;
    while (from.next()) {
      int field = from.field();
      if (field == SUCCESS && result != ThriftType.VOID) {
        value = from.read(result);
      }
      for (Declared<?> one : declared) {
        if (field == one.field()) {
          return new Outcome<>(null, Optional.of(from.read(ThriftType.struct(one.codec()))));
        }
      }
    }
    if (value == null && result != ThriftType.VOID) {
      String problem = "the response has no result";
      ThriftException e = new ThriftException(ThriftException.MISSING_RESULT, problem);
      return new Outcome<>(null, Optional.of(e));
    }
    return new Outcome<>(value, Optional.empty());
  }
}
