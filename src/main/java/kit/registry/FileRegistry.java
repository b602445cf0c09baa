// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import kit.cli.Flags;
import kit.discovery.FileInstances;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;

/** {@code file:}: a file with one {@code host:port} per line, for any service. */
final class FileRegistry extends Registry {
  private static final String PREFIX = "file:";

  static final RegistryKind<?> KIND =
      RegistryKind.of(
          "file:PATH",
          "file with one host:port per line (discovery only)",
          PREFIX,
          true,
          FileRegistry::new);

  private final Path file;

  private FileRegistry(String uri) {
    super(uri);
    if (uri.equals(PREFIX)) {
      throw new IllegalArgumentException("not file:PATH: " + uri);
    }
    file = Path.of(uri.substring(PREFIX.length()));
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    refuse(tags);
    return new FileInstances(service, file, emptyGrace);
  }

  @Override
  public Registration registration(InstanceRegistration instance) {
    throw new Flags.UsageException("--registry: a file does not support registration");
  }
}
