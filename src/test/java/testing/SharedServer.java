// SPDX-License-Identifier: Apache-2.0
package testing;

import java.util.concurrent.Callable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * One server for all tests of a class, in a static field: started before the first test, cleaned
 * after each, and closed after the last.
 *
 * <p>Cleaned after the {@link JarProcesses} of the test are closed, if those are in a field of the
 * instance: JUnit ends extensions in reverse order, and begins with those in static fields.
 */
public final class SharedServer<S extends AutoCloseable>
    implements BeforeAllCallback, AfterEachCallback, AfterAllCallback {
  private final Callable<S> start;
  private final Cleaner<S> cleaner;
  private S server;

  /** Removes what a test has left in the server. */
  @FunctionalInterface
  public interface Cleaner<S> {
    /** Called after each test. */
    void clean(S server) throws Exception;
  }

  /** Makes what JUnit then starts. */
  public SharedServer(Callable<S> start, Cleaner<S> cleaner) {
    this.start = start;
    this.cleaner = cleaner;
  }

  /** Returns the server, which is running. */
  public S get() {
    return server;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws Exception {
    server = start.call();
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    cleaner.clean(server);
  }

  @Override
  public void afterAll(ExtensionContext context) throws Exception {
    if (server != null) {
      server.close();
    }
  }
}
