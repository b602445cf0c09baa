// SPDX-License-Identifier: Apache-2.0
package client.load;

import client.options.Options;
import client.options.UserCall;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import kit.Shutdown;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;
import kit.http.Json;

/** Calls a service hard, and says how it bore it. */
public final class Load {
  private static final Duration SHUTDOWN_BUDGET = Duration.ofSeconds(5); // It needs less than 2.
  private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private Load() {}

  public static void run(String... args) throws Exception {
    Options options =
        new Options(
                "load",
                "Calls a service hard, and says how it bore it: as many calls as are answered, or"
                    + " with\n"
                    + "--rate so many a second, whether they are answered or not. A signal ends it"
                    + " early.")
            .forCalls();
    Supplier<String> uid = options.flags().optional("uid", Flags.TEXT, "101", "whose name");
    Supplier<Integer> concurrency =
        options
            .flags()
            .optional("concurrency", Flags.integer(1, 10_000), "8", "calls at a time, at most");
    Supplier<Double> rate =
        options
            .flags()
            .optional(
                "rate", Flags.NUMBER, "0", "calls a second; 0 = as fast as they are answered");
    Supplier<Duration> duration =
        options.flags().optional("duration", Options.POSITIVE, "10s", "for how long");
    Supplier<Integer> count =
        options
            .flags()
            .optional(
                "count", Flags.integer(0, Integer.MAX_VALUE), "0", "calls at most; 0 = no limit");
    Supplier<Boolean> json = options.flags().optional("json", Flags.SWITCH, "false", "as JSON");
    options.parse(args);

    LoadRun.Plan plan =
        new LoadRun.Plan(
            concurrency.get(), rate.get(), duration.get(), count.get(), options.timeout());
    UserCall call = UserCall.getName(uid.get());
    LoadTally tally = new LoadTally();
    ProgressLine line = new ProgressLine();
    try (Options.Users users = options.users(tally::around)) {
      LoadRun run =
          new LoadRun(plan, () -> users.call(options.newCall(), call), tally, LoadRun.Clock.real());
      // A signal takes the same way as the end of the plan.
      Shutdown end =
          new Shutdown(SHUTDOWN_BUDGET)
              .step("stop", run)
              .step("erase the progress", line)
              .step("print", () -> print(tally.report(run.sinceStartNanos()), json.get()))
              .onSignal();
      run.start();
      while (!run.await(PROGRESS_NANOS)) {
        line.show(tally.report(run.sinceStartNanos()).progress());
      }
      end.close();
      Output.check();
    }
    if (tally.hasFailures()) {
      throw new Program.FailedException();
    }
  }

  private static void print(LoadTally.Report report, boolean json) {
    System.out.println(
        json ? new String(Json.write(report), StandardCharsets.UTF_8) : report.table());
  }
}
