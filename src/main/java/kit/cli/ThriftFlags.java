// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.function.Supplier;
import kit.discovery.Instance;
import kit.http.server.HttpService;
import kit.thrift.ThriftServer;
import org.slf4j.LoggerFactory;

/**
 * The flag of servers that also serve Thrift, and what it asks for.
 *
 * <p>Not thread-safe, as {@link Flags} is not.
 */
public final class ThriftFlags {
  private final Supplier<Optional<Integer>> port;

  /** Declares {@code --thrift-port}. */
  public ThriftFlags(Flags flags) {
    port =
        flags
            .group("Server")
            .optional(
                "thrift-port",
                Flags.PORT.or("none"),
                "none",
                "serve Thrift, too, on this port; registered as NAME-thrift");
  }

  /** Returns whether Thrift is served. */
  public boolean isOn() {
    return port.get().isPresent();
  }

  /**
   * Checks that the port is not one of the other ports.
   *
   * @throws Flags.UsageException if it is
   */
  public void check(ServerFlags server, GrpcFlags grpc) {
    boolean isOther = !port.get().equals(Optional.of(0)); // Not any free one.
    if (isOn() && isOther && port.get().equals(Optional.of(server.port()))) {
      throw new Flags.UsageException("--thrift-port: is that of --port");
    }
    if (isOn() && isOther && port.get().equals(grpc.port())) {
      throw new Flags.UsageException("--thrift-port: is that of --grpc-port");
    }
  }

  /**
   * Serves Thrift, if the flag is set, until {@code http} stops.
   *
   * @return the port; empty without the flag
   * @throws Program.FailedException if the port is taken
   */
  public Optional<Integer> serve(ServerFlags server, HttpService http, ThriftServer thrift) {
    return port.get().map(wanted -> serve(server, wanted, http, thrift));
  }

  private static int serve(ServerFlags server, int wanted, HttpService http, ThriftServer thrift) {
    InetSocketAddress bound =
        server.bind(
            "--thrift-port",
            wanted,
            (host, port) -> {
              HttpService.Settings settings =
                  HttpService.Settings.of(host, port).withServer(server.timeouts());
              InetSocketAddress address = new InetSocketAddress(InetAddress.getByName(host), port);
              return thrift.bind(address, KitEngine.limits(settings));
            });
    http.with(thrift::stop);
    thrift.start();
    String address = Instance.of(server.host(), bound.getPort()).authority();
    LoggerFactory.getLogger(ThriftFlags.class).info("Thrift on {}", address);
    return bound.getPort();
  }
}
