// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

/**
 * How a registry finds out whether an instance is healthy. A registry that checks no health, such as
 * etcd, ignores it: there an instance is healthy as long as its session, lease or heartbeat lives.
 */
public sealed interface HealthCheck {
  /**
   * The registry requests a path of the instance, by its {@link Instance#scheme}; the status 2xx is
   * healthy.
   *
   * @param path such as {@code /health}
   */
  record Http(String path) implements HealthCheck {
    /** Checks that the path is one. */
    public Http {
      if (!path.startsWith("/")) {
        throw new IllegalArgumentException("path without a slash at its start: " + path);
      }
    }
  }

  /**
   * The registry calls the health service of gRPC at the instance, over TLS if its {@link
   * Instance#scheme} is https.
   *
   * @param service the name to ask for; empty: the whole server
   */
  record Grpc(String service) implements HealthCheck {
    /** Checks that the name is not missing. */
    public Grpc {
      requireNonNull(service, "service");
    }
  }

  /** The registry connects to the port of the instance, and sends nothing. */
  record Tcp() implements HealthCheck {}

  /**
   * The instance checks itself every interval, and reports the result to the registry.
   *
   * @param check the check
   */
  record SelfReported(SelfCheck check) implements HealthCheck {
    /** Checks that the check is not missing. */
    public SelfReported {
      requireNonNull(check, "check");
    }
  }

  /** Returns normally if the instance is healthy, else throws. */
  @FunctionalInterface
  interface SelfCheck {
    /** Checks the health. */
    void run() throws Exception;
  }
}
