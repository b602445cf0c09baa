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

/** Asks for a name again and again, one line each: the one command to watch instances come and go. */
public final class Loop {
  private Loop() {}

  public static void run(String... args) throws Exception {
    Options options = new Options("loop", "Asks for a name again and again.").forCalls();
    Supplier<String> uid = options.flags().optional("uid", Flags.TEXT, "101", "whose name");
    Supplier<Duration> interval =
        options.flags().optional("interval", Flags.DURATION, "3s", "from call to call");
    Supplier<Integer> count =
        options
            .flags()
            .optional(
                "count", Flags.integer(0, Integer.MAX_VALUE), "0", "how many calls; 0 = for ever");
    Supplier<Optional<String>> fallback =
        options
            .flags()
            .optional(
                "fallback", Flags.TEXT.or("none"), "none", "the answer while the service has none");
    options.flags().positionals("calls", 0, 1); // As in "loop calls", which reads well.
    options.parse(args);

    UserCall call = UserCall.getName(uid.get());
    int failed = 0;
    try (Options.Users users = options.users()) {
      Endpoint<UserCall, String> getName =
          fallback
              .get()
              .map(answer -> WithFallback.around(users.endpoint(), options.timeout(), answer))
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

  /** From start to start; a start that has been missed is not made up for. */
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
