// SPDX-License-Identifier: Apache-2.0
package testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.cli.Flags;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** The parsed help page of a command. */
public record HelpPage(String text, List<Row> rows) {
  /** A row of the help: a flag below the heading of its group, or a form of a registry's URI. */
  public record Row(String group, String form, int column, String meaning) {}

  private static final int MAX_COLUMNS = 100;
  private static final int MAX_MEANING = 59;

  private static final Pattern ROW = Pattern.compile("  (\\S+(?: \\S+)*) {2,}(\\S.*)");

  // Words of the dialect that help texts must not have; see CONTRIBUTING.
  private static final Pattern DIALECT =
      Pattern.compile(
          "(?i)\\b(who|whom|whoever|(any|some|no)body|others|us|ours|answers?|leads?|tells?|says?)\\b");

  /** Returns the help that {@code command} prints when it is given {@code --help}. */
  public static HelpPage of(ThrowingCallable command) {
    String text = catchThrowableOfType(Flags.HelpException.class, command).getMessage();
    List<Row> rows = new ArrayList<>();
    String group = "";
    for (String line : text.lines().toList()) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        rows.add(new Row(group, row.group(1), row.start(2), row.group(2)));
      } else if (line.endsWith(":")) {
        group = line.substring(0, line.length() - 1);
      }
    }
    return new HelpPage(text, rows);
  }

  /** Checks the layout, which is that of all programs. */
  public void check(String usage) {
    assertThat(text).startsWith("Usage: java -jar " + usage);
    assertThat(text.lines())
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(MAX_COLUMNS));
    assertThat(text).doesNotContainPattern(DIALECT);
    assertThat(rows).isNotEmpty();
    assertThat(rows.stream().map(Row::column).distinct()).as("columns of meanings").hasSize(1);
    assertThat(text.lines().filter(line -> line.startsWith("  "))).hasSize(rows.size());
    assertThat(rows)
        .allSatisfy(
            row -> {
              String meaning = row.meaning.replaceFirst(" \\((default .*|required)\\)$", "");
              assertThat(meaning).isNotBlank().hasSizeLessThanOrEqualTo(MAX_MEANING);
              assertThat(row.form).doesNotContain("|");
              assertThat(row.form.startsWith("--")).isEqualTo(!row.group.equals("Registries"));
              assertThat(row.group).isNotEmpty().isNotEqualTo("Flags");
            });
  }

  /** Returns the names of all flags in a group, without dashes. */
  public List<String> flags(String group) {
    return rows.stream()
        .filter(row -> row.group.equals(group) && row.form.startsWith("--"))
        .map(row -> row.form.substring(2).split("[, ]")[0])
        .toList();
  }
}
