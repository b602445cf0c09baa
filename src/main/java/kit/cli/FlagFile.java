// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads files named by flags. */
public final class FlagFile {
  /** The type of such a flag. */
  public static final Flags.Type<Path> TYPE = new Flags.Type<>("FILE", "a file", Path::of);

  /** Parses a file. */
  @FunctionalInterface
  public interface Reader<T> {
    /**
     * Returns the content of a file.
     *
     * @throws IllegalArgumentException if the content is malformed
     */
    T read(Path file) throws IOException;
  }

  private FlagFile() {}

  /**
   * Reads {@code file} with {@code reader}.
   *
   * @param flag named in messages, with its dashes
   * @throws Flags.UsageException if the file cannot be read, or is malformed
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
