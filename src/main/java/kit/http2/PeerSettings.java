// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;
import java.util.List;
import java.util.OptionalLong;

/**
 * Applies settings of the peer and acknowledges them in one step: RFC 9113, section 6.5.3.
 *
 * <p>So frames before the acknowledgement obey the old settings, and those after it the new ones,
 * windows included.
 */
final class PeerSettings implements FrameOutput.Frames {
  private final List<Setting> settings;
  private final StreamTable streams;
  private boolean isValid = true;

  PeerSettings(List<Setting> settings, StreamTable streams) {
    this.settings = settings;
    this.streams = streams;
  }

  @Override
  public void addTo(FrameWriter writer, HpackEncoder encoder) throws IOException {
    for (Setting setting : settings) {
      long value = setting.value();
      switch (setting.id()) {
        case Setting.HEADER_TABLE_SIZE -> encoder.setPeerTableBytes(value);
        case Setting.MAX_FRAME_SIZE -> writer.setMaxFrameBytes((int) value);
        case Setting.INITIAL_WINDOW_SIZE -> isValid &= streams.resize((int) value);
        default -> {} // MAX_HEADER_LIST_SIZE is advice.
      }
    }
    if (isValid) {
      writer.settingsAck();
    }
  }

  /** Whether no window is above its bound now. */
  boolean isValid() {
    return isValid;
  }

  /** Returns the number of streams that the peer permits, if it has said so. */
  OptionalLong maxStreams() {
    return settings.stream()
        .filter(setting -> setting.id() == Setting.MAX_CONCURRENT_STREAMS)
        .mapToLong(Setting::value)
        .reduce((first, last) -> last);
  }
}
