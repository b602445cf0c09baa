// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** All kinds of registry, in the order of the help. */
final class RegistryKinds {
  static final List<RegistryKind<?>> ALL =
      List.of(
          ConsulRegistry.KIND,
          EtcdRegistry.KIND,
          NacosRegistry.KIND,
          ZooKeeperRegistry.KIND,
          EurekaRegistry.KIND,
          DnsRegistry.KIND,
          FileRegistry.KIND,
          StaticRegistry.KIND,
          NoRegistry.KIND);

  private RegistryKinds() {}

  /**
   * Returns the kind of registry that a URI names.
   *
   * @throws IllegalArgumentException if there is none; the message does not quote the URI, which may
   *     hold a password
   */
  static RegistryKind<?> of(String uri) {
    for (RegistryKind<?> kind : ALL) {
      if (kind.isFor(uri) && (kind.allowsAt() || uri.indexOf('@') < 0)) {
        return kind;
      }
    }
    throw new IllegalArgumentException(
        uri.indexOf('@') < 0
            ? "unknown registry"
            : "user info in the address: this kind of registry accepts none");
  }

  /** Returns the schemes without TLS of the kinds that are servers, such as {@code consul}. */
  static Set<String> serverSchemes() {
    return ALL.stream()
        .map(kind -> kind.prefixes().get(0))
        .filter(prefix -> prefix.endsWith("://"))
        .map(prefix -> prefix.substring(0, prefix.indexOf(':')))
        .collect(Collectors.toSet());
  }

  /** Returns the forms of all URIs, as error messages list them. */
  static String forms() {
    String all = ALL.stream().map(RegistryKind::form).collect(Collectors.joining(", "));
    int last = all.lastIndexOf(", ");
    return all.substring(0, last) + " or " + all.substring(last + 2);
  }
}
