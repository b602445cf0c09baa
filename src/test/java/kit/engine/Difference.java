// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** How the answers of the two engines to the same bytes may differ: {@code differences.md}. */
enum Difference {
  /** The engine rejects a request, or ignores a part of one, that the JDK's server accepts. */
  STRICTER,
  /** Both reject, one with another status than the other, or without a response. */
  OTHER_REJECTION,
  /** One sends 100 (Continue) and the other one does not. */
  CONTINUE,
  /** The JDK's server replaces tabs in the values of fields by blanks. */
  TAB,
  /** The JDK's server rejects trailers. */
  TRAILERS,
  /** Any other: a fault. */
  UNKNOWN;

  private static final String INTERIM = "100";
  private static final String NOTHING = ""; // In place of a response.

  /** Returns the name in the table. */
  String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  /** Returns the differences between what the JDK's server and the engine have answered. */
  static Set<Difference> between(List<String> jdk, List<String> kit) {
    Set<Difference> found = EnumSet.noneOf(Difference.class);
    int theirIndex = 0;
    int ourIndex = 0;
    while (theirIndex < jdk.size() || ourIndex < kit.size()) {
      String theirs = theirIndex < jdk.size() ? jdk.get(theirIndex) : NOTHING;
      String ours = ourIndex < kit.size() ? kit.get(ourIndex) : NOTHING;
      boolean isSame = theirs.equals(ours);
      if (!isSame && theirs.equals(INTERIM)) {
        found.add(CONTINUE);
        theirIndex++;
        continue;
      }
      if (!isSame && ours.equals(INTERIM)) {
        found.add(CONTINUE);
        ourIndex++;
        continue;
      }
      theirIndex++;
      ourIndex++;
      if (!isSame) {
        Difference difference = of(theirs, ours, ourIndex >= kit.size());
        found.add(difference);
        if (difference != TAB) {
          return found; // What follows belongs to other requests.
        }
      }
    }
    return found;
  }

  private static Difference of(String theirs, String ours, boolean isLast) {
    if (theirs.equals(RawConversation.HANGING) || ours.equals(RawConversation.HANGING)) {
      return UNKNOWN;
    }
    if (EchoHandler.isEcho(ours)) {
      boolean isBlank = EchoHandler.isEcho(theirs) && theirs.equals(ours.replace('\t', ' '));
      boolean isRejected = !EchoHandler.isEcho(theirs);
      boolean isTrailer = isRejected && EchoHandler.hasTrailers(ours);
      return isBlank ? TAB : isTrailer ? TRAILERS : UNKNOWN;
    }
    if (!isLast) {
      return UNKNOWN;
    }
    return EchoHandler.isEcho(theirs) ? STRICTER : OTHER_REJECTION;
  }
}
