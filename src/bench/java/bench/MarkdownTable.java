// SPDX-License-Identifier: Apache-2.0
package bench;

import java.util.List;

/** Prints rows of cells so that they can be read both as they are and as Markdown. */
public final class MarkdownTable {
  private MarkdownTable() {}

  /** Prints {@code rows}, of which the first is the head; all are of the same length. */
  public static void print(List<List<String>> rows) {
    int[] widths = new int[rows.get(0).size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    for (int i = 0; i < rows.size(); i++) {
      print(rows.get(i), widths, ' ');
      if (i == 0) {
        print(rows.get(0).stream().map(title -> "").toList(), widths, '-');
      }
    }
  }

  private static void print(List<String> row, int[] widths, char filler) {
    StringBuilder line = new StringBuilder("|");
    for (int i = 0; i < widths.length; i++) {
      String cell = row.get(i);
      line.append(filler).append(cell);
      line.append(String.valueOf(filler).repeat(widths[i] - cell.length() + 1)).append('|');
    }
    System.out.println(line);
  }
}
