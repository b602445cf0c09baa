// SPDX-License-Identifier: Apache-2.0
package client.options;

import java.time.Duration;
import java.util.function.Function;
import kit.LogSafe;
import kit.Middleware;
import kit.Shutdown;
import kit.cli.TracingFlags;
import kit.discovery.Instance;
import kit.http.RequestId;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Traces of a command's calls: a span per call, and under it one per attempt. Spans are sent before the
 * command ends, also after a signal.
 *
 * <p>Without {@code --zipkin} no trace is started: a trace that is not sampled would keep the service from
 * recording its own.
 */
public final class CallTraces implements AutoCloseable {
  // Longer than in a service: a short command sends all its spans at the end.
  private static final Duration PATIENCE = Duration.ofSeconds(3);
  private static final Duration BUDGET = PATIENCE.plusSeconds(1);

  private final TracingFlags.Traces traces; // Null without --zipkin.
  private final Shutdown end;

  private CallTraces(TracingFlags.Traces traces, Shutdown end) {
    this.traces = traces;
    this.end = end;
  }

  /** Opens the reporter, if {@code --zipkin} is given. */
  static CallTraces open(TracingFlags flags) {
    if (!flags.areOn()) {
      return new CallTraces(null, null);
    }
    TracingFlags.Traces traces = flags.open("client", null);
    Shutdown end =
        new Shutdown(BUDGET).step("flush traces", () -> traces.close(PATIENCE)).onSignal();
    return new CallTraces(traces, end);
  }

  // No constant: the first logger that is created fixes the level of all.
  private static Logger log() {
    return LoggerFactory.getLogger(CallTraces.class);
  }

  /** Returns the middleware around each call. */
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

  /** Returns the middleware around each attempt at {@code instance}; {@code route} names the spans. */
  Middleware<UserCall, String> attempts(Instance instance, Function<UserCall, String> route) {
    if (traces == null) {
      return next -> next;
    }
    return traces.tracing().calls(route, instance.authority());
  }

  @Override
  public void close() {
    if (end != null) {
      end.close();
    }
  }
}
