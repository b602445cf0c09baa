// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.util.HashMap;
import java.util.Map;

/**
 * Records the instances that a call has already tried, so that the next attempt chooses another.
 *
 * <p>The retry middleware puts one into the {@link Context} of each call; the load balancer reads
 * and writes it. Neither depends on the other, and either works alone.
 *
 * <p>Two outcomes are kept apart. An instance that <em>broke</em> received the request; it may be
 * tried again after all others. An instance that <em>refused</em> (breaker, limiter, no connection)
 * did no work; trying it again within the same call is useless.
 *
 * <p>It also holds the context of the whole call: an attempt that times out before the call's
 * deadline was ended by the per-attempt timeout, one that times out at it by the caller's deadline.
 *
 * <p>Thread-safe: an abandoned attempt may still report while the next one runs.
 */
public final class Attempts {
  /** The key of the attempts of a call in its context. */
  public static final Context.Key<Attempts> KEY = Context.key("attempts");

  private enum Outcome {
    BROKE,
    REFUSED
  }

  private final Context call;
  private final Map<String, Outcome> tried = new HashMap<>(); // Guarded by this.

  /** Creates the record of a call without a deadline. */
  public Attempts() {
    this(Context.background());
  }

  /** Creates the record of a call whose deadline is that of {@code call}. */
  public Attempts(Context call) {
    this.call = requireNonNull(call, "call");
  }

  /** Returns the context of the whole call, without a per-attempt timeout. */
  public Context call() {
    return call;
  }

  /** Records that {@code instance} received the request and failed. */
  public synchronized void broke(String instance) {
    tried.put(instance, Outcome.BROKE);
  }

  /** Records that {@code instance} certainly did no work. */
  public synchronized void refused(String instance) {
    tried.put(instance, Outcome.REFUSED);
  }

  /** Returns whether {@code instance} has failed this call in either way. */
  public synchronized boolean hasTried(String instance) {
    return tried.containsKey(instance);
  }

  /** Returns whether {@code instance} refused this call, so that trying it again is useless. */
  public synchronized boolean hasRefused(String instance) {
    return tried.get(instance) == Outcome.REFUSED;
  }

  /** Returns whether no instance has been tried yet; cheap, for the usual case. */
  public synchronized boolean isEmpty() {
    return tried.isEmpty();
  }
}
