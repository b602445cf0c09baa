// SPDX-License-Identifier: Apache-2.0
package it;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import kit.discovery.Instance;
import kit.registry.Registry;
import org.junit.jupiter.api.io.TempDir;

/** The registry contract for a file that lists instances. */
class FileRegistryIT extends RegistryContract {
  @TempDir private Path folder;

  @Override
  Registry with(Instance... instances) throws Exception {
    Path file = folder.resolve("instances");
    Files.write(file, Stream.of(instances).map(Instance::authority).toList());
    return Registry.parse("file:" + file);
  }
}
