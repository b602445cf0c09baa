// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import kit.LogSafe;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Discovers the instances of a service from a file, such as one that configuration management
 * writes.
 *
 * <pre>
 *   # userservice
 *   10.0.0.5:8081
 *   10.0.0.6:8081   # since Monday
 * </pre>
 *
 * <p>One {@code host:port} per line, in UTF-8; blank lines and comments after {@code #} are
 * ignored. Any other line is skipped, with one warning.
 *
 * <h2>How it works</h2>
 *
 * <p>One thread reads the file every second: it is small, and its modification time would miss a
 * change within the resolution of the file system's clock.
 *
 * <p><b>The last good list is kept</b> while the file is missing or unreadable. It is also kept,
 * for 30 seconds, when the file becomes empty: a program that rewrites a file truncates it first.
 *
 * <p>Thread-safe. {@link #close} ends the thread.
 */
public final class FileInstances extends Watched<List<Instance>> implements Instances {
  private static final Duration POLL_INTERVAL = Duration.ofSeconds(1);
  private static final int MAX_BYTES = 1 << 20; // Some 50,000 instances.

  private final Logger log;
  private final Path file;
  private final Watch.Timing timing;
  private final Watch<List<Instance>> watch;

  // Confined to the thread of the watch.
  private final CallableInstances callable;

  /** Watches the instances of {@code service} that {@code file} lists. */
  public FileInstances(String service, Path file) {
    this(service, file, Watch.EMPTY_GRACE);
  }

  /** As above; {@code emptyGrace} zero publishes an empty list at once. */
  public FileInstances(String service, Path file, Duration emptyGrace) {
    this(
        service,
        file,
        emptyGrace,
        Watch.Timing.real(),
        LoggerFactory.getLogger(FileInstances.class));
  }

  FileInstances(String service, Path file, Duration emptyGrace, Watch.Timing timing, Logger log) {
    this.log = log;
    this.file = requireNonNull(file, "file");
    this.timing = timing;
    String source = "file " + LogSafe.of(file.toString());
    this.callable = new CallableInstances(source, log);
    this.watch =
        new Watch<>(Watch.Subject.instances(service, source, emptyGrace), this::read, log, timing);
  }

  @Override
  protected Watch<List<Instance>> watch() {
    return watch;
  }

  private void read(Watch<List<Instance>> watch) throws IOException, InterruptedException {
    watch.publish(instances(text()));
    timing.sleeper().sleep(watch.waitFor(POLL_INTERVAL).toNanos());
  }

  private String text() throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new IOException("not a regular file"); // Reading a pipe might never end.
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new IOException("larger than 1 MiB");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) { // The message of either is the path alone.
      throw new IOException("no such file");
    } catch (AccessDeniedException e) {
      throw new IOException("permission denied");
    }
  }

  private List<Instance> instances(String text) {
    List<String> lines =
        text.lines()
            .map(line -> line.replaceFirst("#.*", "").strip())
            .filter(line -> !line.isEmpty())
            .toList();
    return callable.of(lines, line -> "a line", Instance::parse);
  }
}
