// SPDX-License-Identifier: Apache-2.0
package client.user;

import client.options.Failure;
import client.options.Options;
import client.options.UserCall;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;

/** Calls GET /user/{uid} at an interval and prints one line per call. */
public final class Loop {
  private Loop() {}

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    Options options =
        new Options("loop", "Calls GET /user/{uid} at an interval and prints each name.")
            .forCalls();
    Supplier<String> uid = options.flags().optional("uid", Flags.TEXT, "101", "user id");
    Supplier<Duration> interval =
        options
            .flags()
            .optional("interval", Flags.DURATION, "3s", "time from call to call, start to start");
    Supplier<Integer> count =
        options
            .flags()
            .optional(
                "count",
                Flags.integer(0, Integer.MAX_VALUE),
                "0",
                "number of calls; 0 = unlimited");
    Supplier<Optional<String>> fallback =
        options
            .flags()
            .optional("fallback", Flags.TEXT.or("none"), "none", "name to print if the call fails");
    options.flags().positionals("[calls]", 0, 1); // "loop calls" is an alias of "loop".
    options.parse(args);

    UserCall call = UserCall.getName(uid.get());
    int failed = 0;
    try (Options.Users users = options.users()) {
      Endpoint<UserCall, String> getName =
          fallback
              .get()
              .map(name -> WithFallback.around(users.endpoint(), options.timeout(), name))
              .orElse(users.endpoint());
      long startNanos = System.nanoTime();
      for (int calls = 1; ; calls++) {
        failed += isPrinted(getName, options.newCall(), call) ? 0 : 1;
        if (calls == count.get()) {
          break;
        }
        startNanos = awaitNext(startNanos, interval.get().toNanos());
      }
    }
    if (failed > 0) {
      throw new Program.FailedException();
    }
  }

  private static boolean isPrinted(
      Endpoint<UserCall, String> getName, Context context, UserCall call)
      throws InterruptedException {
    String name;
    try {
      name = getName.call(context, call);
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      Failure.print(call, e);
      return false;
    }
    Output.line(LogSafe.of(name));
    return true;
  }

  /** Waits from start to start; a missed start is skipped. */
  private static long awaitNext(long startNanos, long intervalNanos) throws InterruptedException {
    long now = System.nanoTime();
    long nextNanos = startNanos + intervalNanos;
    if (nextNanos - now <= 0) {
      return now;
    }
    TimeUnit.NANOSECONDS.sleep(nextNanos - now);
    return nextNanos;
  }
}
