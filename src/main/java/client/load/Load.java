// SPDX-License-Identifier: Apache-2.0
package client.load;

import client.options.Options;
import client.options.UserCall;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import kit.Shutdown;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;
import kit.http.Json;

/** Load-tests a service and prints throughput, latency percentiles and errors. */
public final class Load {
  private static final Duration SHUTDOWN_BUDGET = Duration.ofSeconds(5); // It needs less than 2.
  private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private Load() {}

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    Options options =
        new Options(
                "load",
                "Load-tests a service and prints throughput, latency percentiles and errors."
                    + "\nClosed loop by default; open loop (constant rate) with --rate.")
            .forCalls();
    Supplier<String> uid = options.flags().optional("uid", Flags.TEXT, "101", "user id");
    Supplier<Integer> concurrency =
        options
            .flags()
            .optional("concurrency", Flags.integer(1, 10_000), "8", "maximum concurrent calls");
    Supplier<Double> rate =
        options.flags().optional("rate", Flags.NUMBER, "0", "calls per second; 0 = closed loop");
    Supplier<Duration> duration =
        options.flags().optional("duration", Options.POSITIVE, "10s", "length of the test");
    Supplier<Integer> count =
        options
            .flags()
            .optional(
                "count",
                Flags.integer(0, Integer.MAX_VALUE),
                "0",
                "maximum number of calls; 0 = no limit");
    Supplier<Gate> bounds = Gate.declare(options.flags());
    Supplier<Boolean> json = options.flags().optional("json", Flags.SWITCH, "false", "print JSON");
    options.parse(args);

    Gate gate = bounds.get();
    gate.check(rate.get());
    LoadRun.Plan plan =
        new LoadRun.Plan(
            concurrency.get(), rate.get(), duration.get(), count.get(), options.timeout());
    UserCall call = UserCall.getName(uid.get());
    LoadTally tally = new LoadTally();
    ProgressLine line = new ProgressLine();
    AtomicBoolean passed = new AtomicBoolean();
    try (Options.Users users = options.users(tally::around)) {
      LoadRun run =
          new LoadRun(plan, () -> users.call(options.newCall(), call), tally, LoadRun.Clock.real());
      // A signal ends the test the same way as its duration.
      Shutdown end =
          new Shutdown(SHUTDOWN_BUDGET)
              .step("stop", run)
              .step("erase progress line", line)
              .step(
                  "print",
                  () -> passed.set(print(tally.report(run.sinceStartNanos()), gate, json.get())))
              .onSignal();
      run.start();
      while (!run.await(PROGRESS_NANOS)) {
        line.show(tally.report(run.sinceStartNanos()).progress());
      }
      end.close();
      Output.check();
    }
    if (!passed.get()) {
      throw new Program.FailedException();
    }
  }

  /** Prints the results; returns whether the test passed. */
  private static boolean print(LoadTally.Report report, Gate gate, boolean json) {
    Gate.Verdict verdict = gate.judge(report);
    if (json) {
      Object all = gate.isOn() ? new Judged(report, verdict) : report;
      System.out.println(new String(Json.write(all), StandardCharsets.UTF_8));
      return verdict.passed();
    }
    System.out.println(report.table());
    if (gate.isOn()) {
      System.out.println("\n" + verdict.line());
    }
    return verdict.passed();
  }

  /** A report and the verdict on it, as JSON: the members of the report, and {@code verdict}. */
  record Judged(@JsonUnwrapped LoadTally.Report report, Gate.Verdict verdict) {}
}
