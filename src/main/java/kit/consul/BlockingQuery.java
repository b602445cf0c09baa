// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import java.io.IOException;
import java.time.Duration;
import kit.discovery.Watch;

/**
 * Consul's blocking query (long poll) as the source of a {@link Watch}: the query has the index of
 * the last response, and Consul responds when something has changed, or after 45 seconds. Changes
 * thus arrive within milliseconds, and an idle watch costs a request a minute.
 *
 * <p>The rules (Consul's documentation, "Blocking Queries"), each of which some client has
 * violated:
 *
 * <ul>
 *   <li>An index that decreases means that Consul lost its state: start from 0; the response itself
 *       is valid.
 *   <li>An index of 0 would make every next query return at once: use at least 1.
 *   <li>A response is no proof of a change: listeners are called for different content only.
 *   <li>After any error the index starts from 0: a restarted Consul may count from the start, and a
 *       query for the old index would block until its timeout (hashicorp/hcat#46).
 *   <li>Queries are rate limited, also when each one succeeds.
 * </ul>
 *
 * <p>{@link Watch} implements the third and the last. Not thread-safe: confined to the thread of
 * one watch.
 */
final class BlockingQuery<T> implements Watch.Source<T> {
  // Below the response timeout of 60 s of this toolkit's own servers, such as the DevAgent.
  private static final Duration WAIT = Duration.ofSeconds(45);
  private static final Duration NO_WAIT = Duration.ofMillis(1); // Not used with index 0.

  private final Query<T> query;
  private long index;

  BlockingQuery(Query<T> query) {
    this.query = query;
  }

  /** Queries Consul; it responds at once if the index is 0. */
  @FunctionalInterface
  interface Query<T> {
    Snapshot<T> ask(long index, Duration atMost) throws IOException, InterruptedException;
  }

  /** The content of a response and its index for the next query. */
  record Snapshot<T>(T content, long index) {}

  @Override
  public void ask(Watch<T> watch) throws IOException, InterruptedException {
    long since = index;
    index = 0; // Stays 0 after a failure.
    Snapshot<T> response = query.ask(since, since == 0 ? NO_WAIT : watch.waitFor(WAIT));
    // Unsigned, as Consul counts.
    boolean wentBack = Long.compareUnsigned(response.index(), since) < 0;
    index = wentBack ? 0 : response.index() == 0 ? 1 : response.index();
    watch.publish(response.content());
  }
}
