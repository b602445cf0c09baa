// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import testing.Notation;

/** The rows of {@code responses.md}: what callers see of odd and malformed responses. */
public final class ResponseTable {
  private static final Path FILE = Path.of("src/test/resources/kit/http/client/responses.md");

  /** The result of a call, and what becomes of its connection. */
  public record Outcome(String result, String connection) {
    private static Outcome parse(String cell) {
      String[] words = cell.strip().split(" ");
      return new Outcome(words[0], words[1]);
    }

    @Override
    public String toString() {
      return result + " " + connection;
    }
  }

  /**
   * A row.
   *
   * @param shown the response in the notation of the tables
   * @param jdk the outcome with the JDK's client
   * @param kit that with the client of {@code kit.engine}
   */
  public record Row(String shown, Outcome jdk, Outcome kit, String standard) {
    /** Returns the response as bytes, one for each character. */
    public String bytes() {
      return Notation.bytes(shown);
    }

    /** Returns whether the peer ends the stream after the response. */
    public boolean endsStream() {
      return shown.endsWith(Notation.END);
    }

    @Override
    public String toString() {
      return shown.length() < 100 ? shown : shown.substring(0, 100);
    }
  }

  private ResponseTable() {}

  /** Reads the rows. */
  public static List<Row> rows() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (String line : Files.readAllLines(FILE)) {
      String[] cells = Notation.cells(line);
      if (cells.length == 6 && cells[1].strip().startsWith("`")) {
        rows.add(
            new Row(
                Notation.sent(cells[1]),
                Outcome.parse(cells[2]),
                Outcome.parse(cells[3]),
                cells[4].strip()));
      }
    }
    return rows;
  }
}
