// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import client.options.CallTraces;
import client.options.Failure;
import client.options.Options;
import client.options.UserCall;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import kit.Middleware;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;
import kit.discovery.Instance;
import kit.http.Json;

/**
 * Finds out why a service gets no calls: prints one line for each thing that it has checked, with what to
 * do.
 *
 * <pre>
 *   ok    registry: 127.0.0.1:8500 responds, version 1.8.7
 *   FAIL  instances: nothing is registered as userservise; did you mean userservice?
 * </pre>
 *
 * <p>It reads only. Tokens go to the registry and to the called service, never to the output.
 */
public final class Doctor {
  private final Options options;
  private final UserCall call;
  private final Function<Instance, Options.Users> clients;

  private Doctor(Options options, UserCall call, Function<Instance, Options.Users> clients) {
    this.options = options;
    this.call = call;
    this.clients = clients;
  }

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    Options options =
        new Options(
                "doctor",
                "Finds out why a service gets no calls. Reads only.",
                "error") // Outages are among what it prints.
            .forCalls();
    Supplier<String> uid = options.flags().optional("uid", Flags.TEXT, "101", "user id");
    Supplier<Boolean> json = options.flags().optional("json", Flags.SWITCH, "false", "print JSON");
    options.parse(args);
    if (options.target().isPresent()) {
      throw new Flags.UsageException("--target: doctor finds the instances in the registry");
    }
    List<Finding> findings;
    try (CallTraces traces = options.traces()) {
      Doctor doctor = new Doctor(options, UserCall.getName(uid.get()), options.clients(traces));
      findings =
          examine(
              new Examination(
                  options.registered(),
                  options.registry().toString(),
                  options.registry().inspection()),
              doctor.checks(Clock.systemUTC()));
    }
    print(new Report(options.registered(), findings), json.get());
    if (findings.stream().anyMatch(finding -> finding.level() == Finding.Level.FAIL)) {
      throw new Program.FailedException();
    }
  }

  /** Runs the checks in order, until one ends the examination. */
  static List<Finding> examine(Examination examination, List<Check> checks)
      throws InterruptedException {
    List<Finding> findings = new ArrayList<>();
    for (Check check : checks) {
      findings.addAll(check.run(examination));
      if (examination.isOver()) {
        break;
      }
    }
    return findings;
  }

  private List<Check> checks(Clock clock) {
    boolean isHttp = options.registered().equals(options.service());
    return List.of(
        new RegistryCheck(clock),
        new RegisteredCheck(),
        new AddressCheck(),
        new ListCheck(options::rawInstances, options.flags().isGiven("tags"), options.timeout()),
        new ReachCheck(
            options.tls().newClient(options.engine()),
            options.tls()::isHttps,
            options.timeout(),
            isHttp,
            this::callOne),
        new CallCheck(call.toString(), this::callAny));
  }

  private String callOne(Instance instance) throws Exception {
    try (Options.Users users = clients.apply(instance)) {
      return users.call(options.newCall(), call);
    }
  }

  private String callAny(Consumer<String> attempts) throws Exception {
    try (Options.Users users = options.users(recording(attempts))) {
      return users.call(options.newCall(), call);
    }
  }

  private static Function<Instance, Middleware<UserCall, String>> recording(
      Consumer<String> attempts) {
    return instance ->
        next ->
            (context, call) -> {
              try {
                String result = next.call(context, call);
                attempts.accept(instance.authority() + " succeeded");
                return result;
              } catch (Exception e) {
                attempts.accept(instance.authority() + " failed: " + Failure.why(e));
                throw e;
              }
            };
  }

  private static void print(Report report, boolean json) {
    if (json) {
      Output.line(new String(Json.write(report), StandardCharsets.UTF_8));
    } else {
      report.findings().forEach(finding -> Output.line(finding.line()));
    }
  }

  /** The findings, as JSON. */
  record Report(String service, List<Finding> findings) {}
}
