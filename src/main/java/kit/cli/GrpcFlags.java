// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.Optional;
import java.util.function.Supplier;

/**
 * The flags of servers that also serve gRPC: on a port of its own, or on the port of HTTP.
 *
 * <p>Not thread-safe, as {@link Flags} is not.
 */
public final class GrpcFlags {
  private final Supplier<Optional<Integer>> port;
  private final Supplier<Boolean> isShared;

  /** Declares {@code --grpc-port} and {@code --grpc}. */
  public GrpcFlags(Flags flags) {
    port =
        flags
            .group("Server")
            .optional(
                "grpc-port",
                Flags.PORT.or("none"),
                "none",
                "serve gRPC, too, on this TCP port; registered as NAME-grpc");
    isShared =
        flags.optional(
            "grpc", Flags.SWITCH, "false", "serve gRPC, too, on --port; needs --engine kit");
  }

  /** Returns the port of gRPC alone; empty without. */
  public Optional<Integer> port() {
    return port.get();
  }

  /** Returns whether gRPC is served on the port of HTTP. */
  public boolean isShared() {
    return isShared.get();
  }

  /** Returns whether gRPC is served. */
  public boolean isOn() {
    return isShared() || port().isPresent();
  }

  /**
   * Checks that the flags agree.
   *
   * @throws Flags.UsageException if they do not
   */
  public void check(ServerFlags server) {
    if (isShared() && port().isPresent()) {
      throw new Flags.UsageException("--grpc and --grpc-port: only one of them, please");
    }
    if (isShared() && !server.isOnKitEngine()) {
      throw new Flags.UsageException("--grpc: needs --engine kit, or use --grpc-port");
    }
    if (port().isPresent() && server.port() != 0 && port().get() == server.port()) {
      throw new Flags.UsageException("--grpc-port: is that of --port; use --grpc to share it");
    }
  }
}
