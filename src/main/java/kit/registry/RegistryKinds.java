// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.util.List;
import java.util.stream.Collectors;

/** All kinds of registry, in the order of the help. */
final class RegistryKinds {
  static final List<RegistryKind<?>> ALL =
      List.of(
          ConsulRegistry.KIND,
          EtcdRegistry.KIND,
          NacosRegistry.KIND,
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
            : "user info in the address: only etcd and Nacos accept it");
  }

  /** Returns the forms of all URIs, as error messages list them. */
  static String forms() {
    String all = ALL.stream().map(RegistryKind::form).collect(Collectors.joining(", "));
    int last = all.lastIndexOf(", ");
    return all.substring(0, last) + " or " + all.substring(last + 2);
  }
}
