// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.Callable;
import kit.Context;
import kit.metrics.Metrics;

/**
 * Metrics of the business logic, which no middleware around a transport has.
 *
 * <pre>
 *   userservice_calls_total             method, error
 *   userservice_call_duration_seconds   method, error
 *   userservice_name_length             of the names returned, in characters
 * </pre>
 */
public final class InstrumentingUserService implements UserService {
  private final UserService next;
  private final Metrics.Family<Metrics.Counter> calls;
  private final Metrics.Family<Metrics.Observer> seconds;
  private final Metrics.Observer nameLength;

  /** Measures {@code next}. */
  public InstrumentingUserService(UserService next, Metrics metrics) {
    this.next = requireNonNull(next, "next");
    this.calls =
        metrics.counterFamily(
            "userservice_calls_total", "Calls of the service.", "method", "error");
    this.seconds =
        metrics.summaryFamily(
            "userservice_call_duration_seconds", "Calls of the service.", "method", "error");
    this.nameLength = metrics.summary("userservice_name_length", "Characters of a name given out.");
  }

  @Override
  public String getName(Context context, int uid) throws Exception {
    String name = measured("getName", () -> next.getName(context, uid));
    nameLength.observe(name.length());
    return name;
  }

  @Override
  public void deleteUser(Context context, int uid) throws Exception {
    measured(
        "deleteUser",
        () -> {
          next.deleteUser(context, uid);
          return null;
        });
  }

  private <T> T measured(String method, Callable<T> call) throws Exception {
    long startedAtNanos = System.nanoTime();
    String error = "true";
    try {
      T result = call.call();
      error = "false";
      return result;
    } finally {
      calls.labels(method, error).inc();
      seconds.labels(method, error).observe((System.nanoTime() - startedAtNanos) / 1e9);
    }
  }
}
