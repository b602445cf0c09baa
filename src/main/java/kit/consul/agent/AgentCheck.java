// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** A registered check. Not thread-safe: AgentState uses it under its lock. */
final class AgentCheck {
  final CheckDefinition definition;
  final String serviceId;
  private ObjectNode json; // Replaced when it changes: queries keep the old one.
  private Future<?> next = CompletableFuture.completedFuture(null); // Run, or end of the TTL.
  private long dueAtNanos;
  private Long criticalAtNanos; // Null for an initial status, which no run has found.

  /** Clock and scheduler with threads of its own; no method blocks. */
  interface Schedule {
    /** Returns a reading of a clock such as {@link System#nanoTime}. */
    long nanoTime();

    /** Returns at what part of its interval a check first runs: from 0 to below 1. */
    double firstRun();

    /** Runs {@code task} after a delay, unless the future is cancelled before. */
    Future<?> in(long delayNanos, Runnable task);

    /** Runs an HTTP or TCP check now, and passes on the result. */
    void run(CheckDefinition check, Consumer<CheckProbe.Result> report);
  }

  /** A check that has its initial status, or that of the check which it replaces, unless null. */
  AgentCheck(CheckDefinition definition, ServiceDefinition service, AgentCheck replaced) {
    this.definition = definition;
    this.serviceId = service.id();
    this.json = definition.json(service);
    if (replaced != null) {
      json.setAll(replaced.json.deepCopy().retain("Status", "Output"));
    }
  }

  ObjectNode json() {
    return json;
  }

  /** Runs {@code task} after a delay, in place of what was to come next. */
  void schedule(Schedule schedule, long delayNanos, Runnable task) {
    next.cancel(false);
    dueAtNanos = schedule.nanoTime() + delayNanos;
    next = schedule.in(delayNanos, task);
  }

  void cancel() {
    next.cancel(false);
  }

  /** Sets status and output, and returns whether the status is another one. */
  boolean update(String status, String output, long nowNanos) {
    if (!status.equals("critical")) {
      criticalAtNanos = null;
    } else if (criticalAtNanos == null) {
      criticalAtNanos = nowNanos;
    }
    String before = json.get("Status").textValue();
    json = json.deepCopy().put("Status", status).put("Output", CheckProbe.beginning(output));
    return !status.equals(before);
  }

  /** Makes a TTL check critical unless it was updated in time; returns whether that is a change. */
  boolean expire(long nowNanos) {
    if (nowNanos - dueAtNanos < 0) {
      return false; // Updated while this task waited for the lock.
    }
    String last = json.get("Output").textValue();
    String words = last.isEmpty() ? "" : " (last output before timeout follows): " + last;
    return update("critical", "TTL expired" + words, nowNanos);
  }

  boolean isCriticalForTooLong(long nowNanos) {
    long after = definition.deregisterCriticalServiceAfter();
    return after > 0 && criticalAtNanos != null && nowNanos - criticalAtNanos > after;
  }
}
