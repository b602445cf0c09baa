// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kit.discovery.Instance;

/**
 * Reads all that a registry holds about a service, for diagnosis: also what {@link Registry#instances}
 * leaves out. Each call is one pass of requests; nothing is written.
 *
 * <p>What a kind of registry does not have is empty.
 */
public interface Inspection {
  /**
   * Returns the servers of the registry, each with its version and its clock; empty if the registry is no
   * server, or does not report either. A server that does not respond is in the list with its failure.
   *
   * @param clock this machine's, to compare with the servers'
   */
  default List<Server> servers(Clock clock) throws InterruptedException {
    return List.of();
  }

  /**
   * Returns everything that is registered under a name, in the registry's order.
   *
   * @throws DeniedException if the token or the user may not read it
   */
  Entries entries(String service) throws IOException, InterruptedException;

  /** Returns the names of all services; empty if the registry does not list them. */
  default Optional<Set<String>> names() throws IOException, InterruptedException {
    return Optional.empty();
  }

  /** Returns whether the registry separates instances that pass from others. */
  default boolean hasHealth() {
    return false;
  }

  /**
   * A server of the registry.
   *
   * @param authority its {@code host:port}
   * @param version as the server names it; empty if it does not
   * @param clockDifference its clock less this machine's, at least; zero if they may agree
   * @param failure the reason if it did not respond
   */
  record Server(
      String authority,
      Optional<String> version,
      Optional<Duration> clockDifference,
      Optional<String> failure) {
    /** Checks that nothing is missing. */
    public Server {
      requireNonNull(authority, "authority");
      requireNonNull(version, "version");
      requireNonNull(clockDifference, "clockDifference");
      requireNonNull(failure, "failure");
    }

    /** Returns a server that did not respond. */
    static Server failed(String authority, String failure) {
      return new Server(authority, Optional.empty(), Optional.empty(), Optional.of(failure));
    }
  }

  /**
   * All entries of a service.
   *
   * @param isFiltered whether the registry reports that it hides entries from this token
   */
  record Entries(List<Entry> list, boolean isFiltered) {
    /** Copies the list. */
    public Entries {
      list = List.copyOf(list);
    }
  }

  /**
   * One registration, as it is stored; its texts are untrusted.
   *
   * @param id distinct for each registration
   * @param host as registered, perhaps one that cannot be called
   * @param port as registered, perhaps 0
   * @param tags as registered
   * @param isPassing whether clients get it
   * @param checks its health checks, or what stands for them
   */
  record Entry(
      String id,
      String host,
      int port,
      List<String> tags,
      Map<String, String> meta,
      boolean isPassing,
      List<Check> checks) {
    /** Copies the collections. */
    public Entry {
      requireNonNull(id, "id");
      requireNonNull(host, "host");
      tags = List.copyOf(tags);
      meta = Map.copyOf(meta);
      checks = List.copyOf(checks);
    }

    /** Returns an entry without checks, which passes, with the id of its address. */
    static Entry of(Instance instance) {
      return of(instance.authority(), instance);
    }

    /** Returns an entry without checks, which passes. */
    static Entry of(String id, Instance instance) {
      return new Entry(
          id, instance.host(), instance.port(), instance.tags(), instance.meta(), true, List.of());
    }

    /**
     * Returns the instance.
     *
     * @throws IllegalArgumentException if it cannot be called
     */
    public Instance instance() {
      return new Instance(host, port, tags, meta);
    }
  }

  /**
   * A health check, or what stands for one.
   *
   * @param text its name, status and output
   */
  record Check(String text, boolean isPassing) {
    /** Checks that nothing is missing. */
    public Check {
      requireNonNull(text, "text");
    }
  }

  /** The token or the user may not read what was requested. */
  final class DeniedException extends IOException {
    private static final long serialVersionUID = 1;

    /** Creates an exception with the message of its cause. */
    public DeniedException(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }
}
