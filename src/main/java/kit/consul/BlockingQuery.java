// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import java.io.IOException;
import java.time.Duration;
import kit.discovery.Watch;

/**
 * Has Consul tell what is new: the query carries the index of the last answer, and Consul holds the
 * next one back until something has changed, or for 45 seconds. A change is thus known within
 * milliseconds, and an idle watch costs a request a minute.
 *
 * <p>The rules, each of which some client got wrong (Consul's documentation, "Blocking Queries"):
 *
 * <ul>
 *   <li>An index that goes down means that Consul has lost its memory: start from 0, and keep the
 *       answer, which is as good as any.
 *   <li>An index of 0 would make the next query return at once, for ever: at least 1.
 *   <li>An answer is no proof of a change: listeners hear of different content only.
 *   <li>After any error the index starts from 0: a Consul that has come back counts from the start,
 *       and a query for the old index would hang until it times out (hashicorp/hcat#46).
 *   <li>Queries are rate limited, also when each one succeeds.
 * </ul>
 *
 * <p>{@link Watch} sees to the third and the last. Belongs to the thread of one watch.
 */
final class BlockingQuery<T> implements Watch.Source<T> {
  // Below the 60 s after which our own servers cut a response, for registries that run on them.
  private static final Duration WAIT = Duration.ofSeconds(45);
  private static final Duration NO_WAIT = Duration.ofMillis(1); // Not used with index 0.

  private final Query<T> query;
  private long index;

  BlockingQuery(Query<T> query) {
    this.query = query;
  }

  /** Asks Consul; it answers at once if the index is 0. */
  @FunctionalInterface
  interface Query<T> {
    Snapshot<T> ask(long index, Duration atMost) throws IOException, InterruptedException;
  }

  /** What Consul said, and the index to ask for news with. */
  record Snapshot<T>(T content, long index) {}

  @Override
  public void ask(Watch<T> watch) throws IOException, InterruptedException {
    long since = index;
    index = 0; // Unless there is an answer.
    Snapshot<T> answer = query.ask(since, since == 0 ? NO_WAIT : watch.waitFor(WAIT));
    // Unsigned, as Consul counts.
    boolean wentBack = Long.compareUnsigned(answer.index(), since) < 0;
    index = wentBack ? 0 : answer.index() == 0 ? 1 : answer.index();
    watch.publish(answer.content());
  }
}
