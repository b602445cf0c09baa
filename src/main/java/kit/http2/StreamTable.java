// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The open streams of a connection, with their first window, and those that this side has reset:
 * frames that the peer sent before it noticed are ignored. Of the latter, the oldest are dropped.
 *
 * <p>Thread-safe.
 */
final class StreamTable {
  private final Map<Integer, ConnectionStream> open = new ConcurrentHashMap<>();

  // Guarded by this.
  private final Map<Integer, Boolean> forgotten;
  private int sendWindow = Http2Settings.DEFAULT_WINDOW_BYTES;

  StreamTable(int maxForgotten) {
    forgotten =
        new LinkedHashMap<>() {
          @Override
          protected boolean removeEldestEntry(Map.Entry<Integer, Boolean> eldest) {
            return size() > maxForgotten;
          }
        };
  }

  /** Adds a stream, with a window that {@link #resize} will change. */
  synchronized ConnectionStream open(Http2Connection connection, int streamId) {
    ConnectionStream stream = new ConnectionStream(connection, streamId, sendWindow);
    open.put(streamId, stream);
    return stream;
  }

  Optional<ConnectionStream> get(int streamId) {
    return Optional.ofNullable(open.get(streamId));
  }

  List<ConnectionStream> all() {
    return List.copyOf(open.values());
  }

  /** Applies the peer's setting INITIAL_WINDOW_SIZE; returns false if a window is too large then. */
  synchronized boolean resize(int bytes) {
    long change = (long) bytes - sendWindow;
    sendWindow = bytes;
    boolean isValid = true;
    for (ConnectionStream stream : open.values()) {
      isValid &= stream.sendWindow().add(change);
    }
    return isValid;
  }

  /** Returns whether the stream was open. */
  boolean remove(ConnectionStream stream) {
    return open.remove(stream.id(), stream);
  }

  /** This side resets a stream that the peer may still send on. */
  synchronized void forget(int streamId) {
    forgotten.put(streamId, true);
  }

  synchronized boolean isForgotten(int streamId) {
    return forgotten.containsKey(streamId);
  }
}
