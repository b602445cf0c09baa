// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import kit.LogSafe;
import kit.cli.Flags;
import kit.discovery.Instance;

/**
 * The address at which clients reach a server.
 *
 * @param host the address
 * @param useAgentAddress whether the registry publishes the address of its agent instead, which is the
 *     address of this machine
 * @param why the rule that has chosen it
 */
public record AdvertisedAddress(String host, boolean useAgentAddress, String why) {
  /**
   * Chooses the address to register for a server that is bound to {@code bound}:
   *
   * <ol>
   *   <li>the bound address, unless it is a wildcard;
   *   <li>if a Consul agent runs on this machine: the address of the agent;
   *   <li>the local address of the route to the registry. No packet is sent to find it.
   * </ol>
   *
   * @throws Flags.UsageException if that is a link-local IPv6 address, which other machines cannot
   *     call
   */
  public static AdvertisedAddress choose(String bound, Registry registry) throws IOException {
    if (!InetAddress.getByName(bound).isAnyLocalAddress()) {
      return of(bound, "the bound address");
    }
    Instance target = registry.address().orElse(Instance.of("127.0.0.1", 1));
    InetAddress address = InetAddress.getByName(target.host());
    if (address.isLoopbackAddress() && registry.addsAddress()) {
      return new AdvertisedAddress(
          target.host(), true, "its agent is on this machine; checked at " + target.host());
    }
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(address, target.port()));
      return of(socket.getLocalAddress().getHostAddress(), "the route to " + registry);
    }
  }

  private static AdvertisedAddress of(String host, String why) {
    try {
      return new AdvertisedAddress(Instance.of(host, 1).host(), false, why);
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException(
          "--advertise: auto chose an address that other machines cannot call ("
              + why
              + "): "
              + LogSafe.of(host));
    }
  }

  /** Returns the choice and its reason. */
  @Override
  public String toString() {
    return (useAgentAddress ? "the registry's own" : host) + " (" + why + ")";
  }
}
