// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Carries the deadline of a call and request-scoped values, such as the request id.
 *
 * <p>It is the first parameter everywhere, as in Go, and not a thread-local: a deadline must reach
 * the HTTP client of the innermost call, and thread-locals are lost when a middleware changes
 * threads.
 *
 * <pre>{@code
 * static final Context.Key<String> USER = Context.key("user");
 *
 * Context context = Context.background().with(USER, "jerry").withTimeout(Duration.ofSeconds(2));
 * context.get(USER); // "jerry"
 * }</pre>
 *
 * <p>A deadline can be brought forward but not extended: {@link #withTimeout} on a context that
 * ends sooner changes nothing.
 *
 * <h2>Units</h2>
 *
 * <p>Deadlines are readings of {@link System#nanoTime}: changes of the wall clock do not affect
 * them, and they have no meaning in another process.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable. {@code with} costs one small object; {@code get} walks the values that were added
 * since {@link #background()}, newest first, so keep them few.
 */
public final class Context {
  private static final Context BACKGROUND = new Context(null, null, null, false, 0);

  private final Context parent;
  private final Key<?> key;
  private final Object value;
  private final boolean hasDeadline;
  private final long deadlineNanos;

  private Context(
      Context parent, Key<?> key, Object value, boolean hasDeadline, long deadlineNanos) {
    this.parent = parent;
    this.key = key;
    this.value = value;
    this.hasDeadline = hasDeadline;
    this.deadlineNanos = deadlineNanos;
  }

  /** Returns the root context: no deadline, no values. */
  public static Context background() {
    return BACKGROUND;
  }

  /** Returns a new key; keys are compared by identity, {@code name} is for messages only. */
  public static <T> Key<T> key(String name) {
    return new Key<>(requireNonNull(name, "name"));
  }

  /** Returns a copy of this context in which {@code key} has {@code value}. */
  public <T> Context with(Key<T> key, T value) {
    requireNonNull(key, "key");
    requireNonNull(value, key.name);
    return new Context(this, key, value, hasDeadline, deadlineNanos);
  }

  /** Returns the value last given to {@code key}, or null. */
  @SuppressWarnings("unchecked") // with() has paired this very key with a T.
  public <T> T get(Key<T> key) {
    for (Context context = this; context != null; context = context.parent) {
      if (context.key == key) {
        return (T) context.value;
      }
    }
    return null;
  }

  /**
   * Returns a context that ends {@code timeout} from now, or when this one ends if that is sooner.
   */
  public Context withTimeout(Duration timeout) {
    return withDeadline(System.nanoTime() + nanos(requireNonNull(timeout, "timeout")));
  }

  /** As {@link #withTimeout}, with the deadline as a reading of {@link System#nanoTime}. */
  public Context withDeadline(long deadlineNanos) {
    if (hasDeadline && this.deadlineNanos - deadlineNanos <= 0) {
      return this;
    }
    return new Context(parent, key, value, true, deadlineNanos);
  }

  /** Returns whether this context has a deadline. */
  public boolean hasDeadline() {
    return hasDeadline;
  }

  /**
   * Returns the nanoseconds left at {@code nowNanos}, a reading of {@link System#nanoTime}: zero or
   * negative after the deadline, {@link Long#MAX_VALUE} without one.
   */
  public long remainingNanos(long nowNanos) {
    return hasDeadline ? deadlineNanos - nowNanos : Long.MAX_VALUE;
  }

  /** Returns {@link #remainingNanos(long)} as of now. */
  public long remainingNanos() {
    return hasDeadline ? deadlineNanos - System.nanoTime() : Long.MAX_VALUE;
  }

  /** Half of what a long holds is about 146 years: now + timeout must not overflow past now. */
  private static long nanos(Duration timeout) {
    long nanos = TimeUnit.NANOSECONDS.convert(timeout);
    return Math.max(0, Math.min(nanos, Long.MAX_VALUE / 2)); // 0: a time that has passed.
  }

  /** Returns the deadline and the keys; never a value, which may be a secret. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("Context[");
    text.append(hasDeadline ? remainingNanos() / 1_000_000 + " ms left" : "no deadline");
    for (Context context = this; context != null; context = context.parent) {
      if (context.key != null) {
        text.append(", ").append(context.key);
      }
    }
    return text.append(']').toString();
  }

  /** Typed key of a value in a context; compared by identity. */
  public static final class Key<T> {
    private final String name;

    private Key(String name) {
      this.name = name;
    }

    @Override
    public String toString() {
      return name;
    }
  }
}
