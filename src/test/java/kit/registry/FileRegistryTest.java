// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import kit.cli.Flags;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** file: on the command line; the file itself: {@code kit.discovery.FileInstancesTest}. */
@Timeout(30)
class FileRegistryTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  @TempDir private Path folder;

  @Test
  void pathMayBeRelativeAndMayContainAnAtSign() throws Exception {
    Path file = Files.writeString(folder.resolve("web@home"), "10.0.0.1:80\n");
    Path relative = Path.of("").toAbsolutePath().relativize(file);
    for (Path path : List.of(file, relative)) {
      Registry registry = Registry.parse("file:" + path);
      assertThat(registry).hasToString("file:" + path);
      try (Instances instances = registry.instances("web");
          Instances raw = registry.rawInstances("any", List.of())) {
        assertThat(instances.awaitFirst(SOON)).isTrue();
        assertThat(raw.awaitFirst(SOON)).isTrue();
        assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 80));
        assertThat(raw.snapshot()).isEqualTo(instances.snapshot());
      }
    }
  }

  @Test
  void hasNoTagsNoListOfServicesAndNoRegistration() {
    Registry registry = Registry.parse("file:instances");
    InstanceRegistration instance =
        new InstanceRegistration(
            "web",
            Instance.of("h", 80),
            new HealthCheck.Http("/health"),
            Duration.ofSeconds(5),
            Duration.ofMinutes(1));

    assertThatThrownBy(() -> registry.instances("web", List.of("primary")))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContaining("--tags");
    assertThatThrownBy(registry::services)
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContaining("--registry");
    assertThatThrownBy(() -> registry.registration(instance))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContaining("--registry");
  }

  @Test
  void needsAPath() {
    assertThatThrownBy(() -> Registry.parse("file:")).isInstanceOf(IllegalArgumentException.class);
  }
}
