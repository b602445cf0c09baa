// SPDX-License-Identifier: Apache-2.0
package kit.command;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * How many calls of a command have ended how, since it was made; see the picture in {@link
 * Command}.
 *
 * <p>While calls run, the numbers may be a few calls apart. Immutable.
 */
public record CommandCounts(
    long success,
    long failure,
    long timeout,
    long shortCircuited,
    long rejected,
    long cancelled,
    long fallbackSuccess,
    long fallbackFailure) {

  /** How many calls have ended: the sum of all but the last two, which come on top. */
  public long calls() {
    return success + failure + timeout + shortCircuited + rejected + cancelled;
  }

  enum Event {
    SUCCESS,
    FAILURE,
    TIMEOUT,
    SHORT_CIRCUITED,
    REJECTED,
    CANCELLED,
    FALLBACK_SUCCESS,
    FALLBACK_FAILURE
  }

  /** Counts without a lock, for any number of threads. */
  static final class Counter {
    private final Map<Event, LongAdder> adders = new EnumMap<>(Event.class);

    Counter() {
      for (Event event : Event.values()) {
        adders.put(event, new LongAdder()); // The map never changes after this.
      }
    }

    void count(Event event) {
      adders.get(event).increment();
    }

    CommandCounts counts() {
      return new CommandCounts(
          sum(Event.SUCCESS),
          sum(Event.FAILURE),
          sum(Event.TIMEOUT),
          sum(Event.SHORT_CIRCUITED),
          sum(Event.REJECTED),
          sum(Event.CANCELLED),
          sum(Event.FALLBACK_SUCCESS),
          sum(Event.FALLBACK_FAILURE));
    }

    private long sum(Event event) {
      return adders.get(event).sum();
    }
  }
}
