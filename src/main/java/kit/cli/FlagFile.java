// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Files that flags name. */
public final class FlagFile {
  /** What such a flag takes. */
  public static final Flags.Type<Path> TYPE = new Flags.Type<>("FILE", "a file", Path::of);

  /** Makes something of a file. */
  @FunctionalInterface
  public interface Reader<T> {
    /**
     * Reads all of it.
     *
     * @throws IllegalArgumentException if it makes no sense
     */
    T read(Path file) throws IOException;
  }

  private FlagFile() {}

  /**
   * Returns what {@code reader} makes of {@code file}.
   *
   * @param flag to name in messages, with its dashes
   * @throws Flags.UsageException if it cannot be read, or makes no sense
   */
  public static <T> T read(String flag, Path file, Reader<T> reader) {
    try {
      return reader.read(file);
    } catch (NoSuchFileException e) {
      throw new Flags.UsageException(flag + ": no such file: " + file);
    } catch (CharacterCodingException e) {
      throw new Flags.UsageException(flag + ": not UTF-8: " + file);
    } catch (IOException e) {
      throw new Flags.UsageException(flag + ": cannot read " + file + ": " + e.getMessage());
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException(flag + ": " + e.getMessage());
    }
  }
}
