// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import kit.discovery.Instances;
import kit.discovery.OutageLog;

/** Checks the list that callers get: the instances that pass, can be called, and have the tags. */
final class ListCheck implements Check {
  private static final String SUBJECT = "list of callers";

  private final Supplier<Instances> watch;
  private final boolean hasTags;
  private final Duration timeout;

  /**
   * Creates a check.
   *
   * @param watch opens the watch, which the check closes
   * @param hasTags whether the watch is restricted to instances with tags
   * @param timeout for the first list
   */
  ListCheck(Supplier<Instances> watch, boolean hasTags, Duration timeout) {
    this.watch = watch;
    this.hasTags = hasTags;
    this.timeout = timeout;
  }

  @Override
  public List<Finding> run(Examination examination) throws InterruptedException {
    try (Instances instances = watch.get()) {
      if (!instances.awaitFirst(timeout)) {
        String why = instances.failure().map(OutageLog::cause).orElse("no response in time");
        return List.of(Finding.fail(SUBJECT, "not read: " + why, "see --timeout"));
      }
      int size = instances.snapshot().size();
      if (size > 0) {
        return List.of(Finding.ok(SUBJECT, size + (size == 1 ? " instance" : " instances")));
      }
      String advice = hasTags ? "no instance has all of --tags" : "see the findings above";
      return List.of(Finding.fail(SUBJECT, "empty", advice));
    }
  }
}
