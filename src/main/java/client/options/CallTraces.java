// SPDX-License-Identifier: Apache-2.0
package client.options;

import java.time.Duration;
import kit.LogSafe;
import kit.Middleware;
import kit.Shutdown;
import kit.cli.TracingFlags;
import kit.discovery.Instance;
import kit.http.RequestId;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The traces that a command begins: a span for each call, and under it one for each attempt at an
 * instance. They are sent at the end at the latest, also when a signal makes it.
 *
 * <p>Without {@code --zipkin} no trace is begun. One that is not recorded would be worse than none: it
 * tells the service not to record its part either.
 */
public final class CallTraces implements AutoCloseable {
  // Longer than a service has for it: a command often has nothing sent before its end.
  private static final Duration PATIENCE = Duration.ofSeconds(3);
  private static final Duration BUDGET = PATIENCE.plusSeconds(1);

  private final TracingFlags.Traces traces; // Null if none are wanted.
  private final Shutdown end;

  private CallTraces(TracingFlags.Traces traces, Shutdown end) {
    this.traces = traces;
    this.end = end;
  }

  /** Begins to send, if it is wanted. */
  static CallTraces open(TracingFlags flags) {
    if (!flags.areOn()) {
      return new CallTraces(null, null);
    }
    TracingFlags.Traces traces = flags.open("client", null);
    Shutdown end =
        new Shutdown(BUDGET).step("send the last traces", () -> traces.close(PATIENCE)).onSignal();
    return new CallTraces(traces, end);
  }

  // Not a constant: the first logger that is made settles the level of them all.
  private static Logger log() {
    return LoggerFactory.getLogger(CallTraces.class);
  }

  /** Goes around each call. */
  Middleware<UserCall, String> calls() {
    if (traces == null) {
      return next -> next;
    }
    return Middleware.chain(
        traces.tracing().local(UserCall::template),
        next ->
            (context, call) -> {
              log().debug("{} is trace {}", LogSafe.of(call), context.get(RequestId.TRACE_ID));
              return next.call(context, call);
            });
  }

  /** Goes around each attempt at {@code instance}. */
  Middleware<UserCall, String> attempts(Instance instance, boolean isRpc) {
    if (traces == null) {
      return next -> next;
    }
    return traces
        .tracing()
        .calls(call -> isRpc ? "POST /rpc" : call.template(), instance.authority());
  }

  @Override
  public void close() {
    if (end != null) {
      end.close();
    }
  }
}
