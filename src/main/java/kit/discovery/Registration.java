// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

/**
 * Keeps one instance in a registry for as long as it is open.
 *
 * <p>Start it when the instance answers, not before: whoever finds it in the registry will call.
 * Close it before the instance stops answering.
 *
 * <p>Safe for any number of threads; starting and closing twice is harmless.
 *
 * <p>Go kit's word: {@code sd.Registrar}.
 */
public interface Registration extends AutoCloseable {
  /**
   * Begins to register, in the background: returns at once, and tries until the registry takes it.
   * Does nothing once closed.
   */
  void start();

  /** Whether the registry has taken the instance, as far as is known. */
  boolean isRegistered();

  /** Removes the instance, once, and takes a few seconds at most, whatever the registry does. */
  @Override
  void close();

  /** Returns a registration in no registry. */
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
