// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Registers one instance with a registry and keeps it registered until closed.
 *
 * <p>Start it when the instance serves requests, not before: clients call it as soon as it is
 * registered. Close it before the instance stops serving.
 *
 * <p>Thread-safe; starting and closing twice is harmless.
 *
 * <p>Equivalent in Go kit: {@code sd.Registrar}.
 */
public interface Registration extends AutoCloseable {
  /**
   * Starts to register in the background: returns at once; the registration is retried until the
   * registry accepts it. Does nothing once closed.
   */
  void start();

  /** Returns whether the registry has accepted the instance, by its last response. */
  boolean isRegistered();

  /** Deregisters the instance, once, within a few seconds whatever the state of the registry. */
  @Override
  void close();

  /**
   * Returns one registration for several: it is registered when all are. They are closed at the same
   * time, each on a thread of its own.
   */
  static Registration all(List<Registration> registrations) {
    List<Registration> all = List.copyOf(registrations);
    return new Registration() {
      @Override
      public void start() {
        all.forEach(Registration::start);
      }

      @Override
      public boolean isRegistered() {
        return all.stream().allMatch(Registration::isRegistered);
      }

      @Override
      public void close() {
        all.stream()
            .map(each -> CompletableFuture.runAsync(each::close, task -> new Thread(task).start()))
            .toList()
            .forEach(CompletableFuture::join);
      }
    };
  }

  /** Returns a registration that does nothing. */
  static Registration none() {
    return new Registration() {
      @Override
      public void start() {}

      @Override
      public boolean isRegistered() {
        return false;
      }

      @Override
      public void close() {}
    };
  }
}
