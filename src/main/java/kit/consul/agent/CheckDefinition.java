// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import kit.StatusException;

/**
 * How the agent finds out whether a service is well.
 *
 * @param id unique on the agent
 * @param target the URL to get or the {@code host:port} to connect to; empty for a TTL check
 * @param status until the first run
 * @param intervalNanos from the end of one run to the start of the next; for TTL, the TTL
 * @param timeoutNanos the most that one run may take
 * @param reapAfterNanos how long a check may be critical before its service is removed; 0 = for ever
 */
record CheckDefinition(
    String id,
    String name,
    String notes,
    Type type,
    String target,
    String method,
    Map<String, List<String>> headers,
    String body,
    Status status,
    long intervalNanos,
    long timeoutNanos,
    long reapAfterNanos) {
  /** What is done. A gRPC check is known but never run: it would take a library. */
  enum Type {
    HTTP,
    TCP,
    GRPC,
    TTL
  }

  /** What a run may find. */
  enum Status {
    PASSING,
    WARNING,
    CRITICAL;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Returns the status of this word.
     *
     * @throws IllegalArgumentException if there is none
     */
    static Status of(String word) {
      for (Status status : values()) {
        if (status.word().equals(word)) {
          return status;
        }
      }
      throw new IllegalArgumentException("not a status: " + word);
    }
  }

  // Consul's bounds and defaults.
  private static final long MIN_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long DEFAULT_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long MIN_REAP_AFTER_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** Reads the checks in a registration of {@code service}. */
  static List<CheckDefinition> readAll(JsonFields json, ServiceDefinition service) {
    List<JsonFields> all = new ArrayList<>();
    JsonFields one = json.object("Check");
    if (one != null && !one.isEmpty()) {
      all.add(one);
    }
    all.addAll(json.objects("Checks"));
    List<CheckDefinition> checks = new ArrayList<>();
    for (JsonFields check : all) {
      // Consul's way to make up an id: by number, unless there is one check only.
      String number = all.size() == 1 ? "" : ":" + (checks.size() + 1);
      checks.add(read(check, service, "service:" + service.id() + number));
    }
    return checks;
  }

  private static CheckDefinition read(JsonFields json, ServiceDefinition service, String ownId) {
    String http = json.text("HTTP");
    String tcp = json.text("TCP");
    String grpc = json.text("GRPC");
    Type type =
        !http.isEmpty()
            ? Type.HTTP
            : !tcp.isEmpty() ? Type.TCP : !grpc.isEmpty() ? Type.GRPC : Type.TTL;
    String target = type == Type.HTTP ? http : type == Type.TCP ? tcp : grpc;
    long interval = json.nanos("Interval");
    long ttl = json.nanos("TTL");
    long timeout = json.nanos("Timeout");
    long reapAfter = json.nanos("DeregisterCriticalServiceAfter");
    String id = json.text("CheckID");
    String name = json.text("Name");
    String notes = json.text("Notes");
    String method = json.text("Method");
    Map<String, List<String>> headers = json.listsByName("Header");
    String body = json.text("Body");
    String status = json.text("Status");
    json.flag("GRPCUseTLS");
    json.refuseOthers();

    check(interval <= 0 || ttl <= 0, "Invalid check: Interval and TTL cannot both be specified");
    if (type == Type.TTL) {
      check(ttl > 0, "Invalid check: TTL must be > 0 for TTL checks");
    } else {
      check(interval > 0, "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks");
    }
    return new CheckDefinition(
        ServiceDefinition.checkedName("CheckID", id.isEmpty() ? ownId : id),
        name.isEmpty() ? "Service '" + service.name() + "' check" : name,
        notes,
        type,
        target,
        method.isEmpty() ? "GET" : method,
        headers,
        body,
        readStatus(status),
        type == Type.TTL ? ttl : Math.max(interval, MIN_INTERVAL_NANOS),
        timeout <= 0 ? DEFAULT_TIMEOUT_NANOS : timeout,
        reapAfter <= 0 ? 0 : Math.max(reapAfter, MIN_REAP_AFTER_NANOS));
  }

  private static Status readStatus(String word) {
    try {
      return word.isEmpty() ? Status.CRITICAL : Status.of(word);
    } catch (IllegalArgumentException e) {
      throw new StatusException(400, "Status for checks must 'passing', 'warning', 'critical'");
    }
  }

  private static void check(boolean holds, String problem) {
    if (!holds) {
      throw new StatusException(400, problem);
    }
  }
}
