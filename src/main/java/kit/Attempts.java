// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.util.HashMap;
import java.util.Map;

/**
 * Remembers which instances a call has already tried, so that the next attempt goes elsewhere.
 *
 * <p>Whoever repeats calls (retry) puts one into the {@link Context} per call; whoever chooses
 * instances (balancer) reads and writes it. That way neither knows the other, and either works
 * alone.
 *
 * <p>Two kinds of tried are kept apart. An instance that <em>broke</em> got the request; it may be
 * asked again when all others have been tried. An instance that <em>refused</em> (breaker, limiter,
 * no connection) did no work; asking it again within the same call is useless.
 *
 * <p>They also know until when the caller waits: an attempt that ends before that was ended by the
 * time limit of an attempt, and one that ends then by the caller's own.
 *
 * <p>Safe for several threads; an attempt that was given up may still report while the next runs.
 */
public final class Attempts {
  /** Where it travels in the context. */
  public static final Context.Key<Attempts> KEY = Context.key("attempts");

  private enum Outcome {
    BROKE,
    REFUSED
  }

  private final Context call;
  private final Map<String, Outcome> tried = new HashMap<>(); // Guarded by this.

  /** For a call without a deadline. */
  public Attempts() {
    this(Context.background());
  }

  /** For the attempts of a call that ends when {@code call} does. */
  public Attempts(Context call) {
    this.call = requireNonNull(call, "call");
  }

  /** Returns the context of the call, without the time limit of one attempt. */
  public Context call() {
    return call;
  }

  /** Notes that {@code instance} got the request and failed. */
  public synchronized void broke(String instance) {
    tried.put(instance, Outcome.BROKE);
  }

  /** Notes that {@code instance} certainly did no work. */
  public synchronized void refused(String instance) {
    tried.put(instance, Outcome.REFUSED);
  }

  /** Whether {@code instance} has failed this call in either way. */
  public synchronized boolean hasTried(String instance) {
    return tried.containsKey(instance);
  }

  /** Whether {@code instance} did no work for this call, so that asking again is useless. */
  public synchronized boolean hasRefused(String instance) {
    return tried.get(instance) == Outcome.REFUSED;
  }

  /** Whether nobody has been tried yet; cheap, for the usual case. */
  public synchronized boolean isEmpty() {
    return tried.isEmpty();
  }
}
