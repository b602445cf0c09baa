// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.event.Level;
import testing.FakeNanoTime;
import testing.RecordingLogger;

@Timeout(20)
class FileInstancesTest {
  private static final Instance A = Instance.of("10.0.0.1", 80);
  private static final Instance B = Instance.of("10.0.0.2", 80);

  private final FakeNanoTime time = new FakeNanoTime();
  private final RecordingLogger log = new RecordingLogger();
  private final Semaphore reads = new Semaphore(0); // Each lets the thread read once more.
  private final Semaphore done = new Semaphore(0);
  @TempDir private Path folder;
  private Path file;
  private FileInstances instances;

  /** Watches a file with this text, and returns when it has been read. */
  private void watch(String text) throws Exception {
    file = folder.resolve("web");
    if (text != null) {
      Files.writeString(file, text);
    }
    Watch.Timing timing =
        new Watch.Timing(
            time,
            nanos -> {
              time.advance(Duration.ofNanos(nanos));
              done.release();
              reads.acquire();
            },
            () -> 1.0);
    instances = new FileInstances("web", file, Duration.ofSeconds(30), timing, log);
    awaitRead();
  }

  private void awaitRead() throws InterruptedException {
    assertThat(done.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
  }

  private void readAgain() throws InterruptedException {
    reads.release();
    awaitRead();
  }

  @AfterEach
  void close() {
    instances.close();
  }

  @Test
  void readsOneInstancePerLineSortedAndOnce() throws Exception {
    watch("# web\n\n10.0.0.2:80\r\n  10.0.0.1:80  # first\n10.0.0.2:80\n[::1]:81");

    assertThat(instances.awaitFirst(Duration.ZERO)).isTrue();
    assertThat(instances.snapshot()).containsExactly(A, B, Instance.of("::1", 81));
    assertThat(log.linesFrom(Level.WARN)).isEmpty();
  }

  @Test
  void changesArePublishedAlsoWhenTheFileIsReplaced() throws Exception {
    watch("10.0.0.1:80\n");
    Semaphore changes = new Semaphore(0);
    instances.onChange(changes::release);
    List<Instance> before = instances.snapshot();
    readAgain();
    assertThat(instances.snapshot()).isSameAs(before);

    Files.writeString(file, "10.0.0.2:80\n"); // As long as before, and perhaps as old.
    readAgain();
    assertThat(instances.snapshot()).containsExactly(B);

    Path fresh = Files.writeString(folder.resolve("fresh"), "10.0.0.1:80\n");
    Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING);
    readAgain();
    assertThat(instances.snapshot()).containsExactly(A);
    assertThat(changes.availablePermits()).isEqualTo(2);
  }

  @Test
  void malformedLineIsSkippedWithOneWarning() throws Exception {
    watch("10.0.0.1:80\nno-port\n10.0.0.2:99999\n");
    readAgain();

    assertThat(instances.snapshot()).containsExactly(A);
    assertThat(log.linesFrom(Level.WARN))
        .hasSize(2)
        .anyMatch(line -> line.contains("no-port"))
        .anyMatch(line -> line.contains("99999"));
  }

  @Test
  void bytesThatAreNotUtf8BreakTheirLineOnly() throws Exception {
    watch("");
    Files.write(file, new byte[] {'a', (byte) 0xff, ':', '1', '\n', 'b', ':', '1', '\n'});
    readAgain();

    assertThat(instances.snapshot()).containsExactly(Instance.of("b", 1));
    assertThat(log.linesFrom(Level.WARN)).hasSize(1);
  }

  @Test
  void missingFileIsAnOutageAndTheLastListStays() throws Exception {
    watch("10.0.0.1:80\n");
    Files.delete(file);
    readAgain();
    assertThat(instances.failure())
        .hasValueSatisfying(e -> assertThat(e).hasMessage("no such file"));
    assertThat(instances.snapshot()).containsExactly(A);

    Files.writeString(file, "10.0.0.2:80\n");
    readAgain();
    assertThat(instances.failure()).isEmpty();
    assertThat(instances.snapshot()).containsExactly(B);
    assertThat(log.linesFrom(Level.WARN)).hasSize(2);
  }

  @Test
  void fileMayComeLater() throws Exception {
    watch(null);
    assertThat(instances.awaitFirst(Duration.ZERO)).isFalse();
    assertThat(instances.failure()).isPresent();

    Files.writeString(file, "10.0.0.1:80\n");
    readAgain();
    assertThat(instances.awaitFirst(Duration.ZERO)).isTrue();
    assertThat(instances.snapshot()).containsExactly(A);
  }

  @Test
  void folderAndFileThatIsTooLargeAreOutages() throws Exception {
    watch(null);
    Files.createDirectory(file);
    readAgain();
    assertThat(instances.failure())
        .hasValueSatisfying(e -> assertThat(e).hasMessage("not a regular file"));

    Files.delete(file);
    Files.write(file, new byte[(1 << 20) + 1]);
    readAgain();
    assertThat(instances.failure())
        .hasValueSatisfying(e -> assertThat(e).hasMessageContaining("1 MiB"));
  }

  @Test
  void emptyFileIsPublishedAfterAGraceOf30Seconds() throws Exception {
    watch("10.0.0.1:80\n");
    Files.writeString(file, "");
    for (int second = 0; second < 30; second++) {
      readAgain();
      assertThat(instances.snapshot()).as("second " + second).containsExactly(A);
    }
    readAgain();
    assertThat(instances.snapshot()).isEmpty();
  }
}
