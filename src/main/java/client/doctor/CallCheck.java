// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import client.options.Failure;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import kit.PeerException;

/** Makes one call through the whole client stack, and reports its attempts. */
final class CallCheck implements Check {
  /** Makes the call. */
  @FunctionalInterface
  interface Caller {
    /** Returns the result; passes each attempt to {@code attempts} when it has ended. */
    String call(Consumer<String> attempts) throws Exception;
  }

  private final String name;
  private final Caller caller;

  /**
   * Creates a check.
   *
   * @param name of the call
   */
  CallCheck(String name, Caller caller) {
    this.name = name;
    this.caller = caller;
  }

  @Override
  public List<Finding> run(Examination examination) throws InterruptedException {
    String subject = "call " + name;
    List<String> attempts = new CopyOnWriteArrayList<>();
    String result;
    try {
      result = caller.call(attempts::add);
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      return List.of(failed(subject, Failure.why(e) + shown(attempts), e));
    }
    String seen = result + shown(attempts);
    return List.of(
        attempts.size() == 1
            ? Finding.ok(subject, seen)
            : Finding.warn(subject, seen, "see the instances whose attempts failed"));
  }

  private static String shown(List<String> attempts) {
    return attempts.isEmpty() ? "; no attempt" : "; attempts: " + String.join(", ", attempts);
  }

  private static Finding failed(String subject, String seen, Exception e) {
    int status = e instanceof PeerException peer ? peer.status() : 0;
    if (status == 401 || status == 403) {
      return Finding.fail(subject, seen, "the instance wants --token or --token-file");
    }
    return status == 404 || status == 405
        ? Finding.warn(subject, seen, "it is reached, but serves no such route")
        : Finding.fail(subject, seen, "see the findings above");
  }
}
