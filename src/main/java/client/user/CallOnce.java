// SPDX-License-Identifier: Apache-2.0
package client.user;

import client.options.CallTraces;
import client.options.Failure;
import client.options.Options;
import client.options.UserCall;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import kit.LogSafe;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;
import kit.discovery.Instance;

/** Makes one call and prints its result; {@code get --all} makes one to each instance. */
public final class CallOnce {
  private CallOnce() {}

  /** Runs the command {@code get}. */
  public static void get(String... args) throws Exception {
    Options options =
        new Options("get", "Calls GET /user/{uid} once and prints the name.").forCalls();
    List<String> uid = options.flags().positionals("UID", 1, 1);
    Supplier<Boolean> all =
        options.flags().optional("all", Flags.SWITCH, "false", "call each instance once");
    options.parse(args);
    UserCall call = UserCall.getName(uid.get(0));
    if (all.get()) {
      callAll(options, call);
    } else {
      callOne(options, call);
    }
  }

  /** Runs the command {@code delete}. */
  public static void delete(String... args) throws Exception {
    Options options =
        new Options("delete", "Calls DELETE /user/{uid} once and prints the result.").forCalls();
    List<String> uid = options.flags().positionals("UID", 1, 1);
    options.parse(args);
    callOne(options, UserCall.delete(uid.get(0)));
  }

  private static void callOne(Options options, UserCall call) throws Exception {
    String result;
    try (Options.Users users = options.users()) {
      result = users.call(options.newCall(), call);
    } catch (Exception e) {
      Failure.print(call, e);
      throw new Program.FailedException();
    }
    Output.line(LogSafe.of(result));
  }

  private static void callAll(Options options, UserCall call) throws Exception {
    boolean failed = false;
    try (CallTraces traces = options.traces()) {
      Function<Instance, Options.Users> clients = options.clients(traces);
      for (Instance instance : options.currentInstances()) {
        String result;
        try (Options.Users one = clients.apply(instance)) {
          result = one.call(options.newCall(), call);
        } catch (Exception e) {
          failed = true;
          Failure.print(call, e);
          continue;
        }
        Output.line(LogSafe.of(result));
      }
    }
    if (failed) {
      throw new Program.FailedException();
    }
  }
}
