// SPDX-License-Identifier: Apache-2.0
package kit.http;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.JsonRecyclerPools;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * Turns objects into JSON and back: the toolkit's one way, with limits on what it reads.
 *
 * <p>Records serve well as the objects. Unknown members are ignored, so that a peer may add some;
 * anything after the value, a member given twice, more than 100 levels, and numbers of more than 100
 * digits are refused. Strings are bounded by the body they stand in.
 *
 * <p>Thread-safe. Buffers come from one shared pool: Jackson's default keeps them per thread, which
 * on virtual threads means per request, and costs a quarter of the throughput.
 */
public final class Json {
  private static final int MAX_DEPTH = 100; // Jackson's 1,000 can overflow a stack that is deep.
  private static final int MAX_NUMBER_DIGITS = 100; // A double needs 17, a long 19.

  private static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  // Jackson's other switch, for trees, leaves records to "the last one wins".
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .recyclerPool(JsonRecyclerPools.sharedConcurrentDequePool())
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxNumberLength(MAX_NUMBER_DIGITS)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private Json() {}

  /** Returns {@code value} as JSON in UTF-8. */
  public static byte[] write(Object value) {
    try {
      return MAPPER.writeValueAsBytes(value);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot be written as JSON: " + value.getClass(), e);
    }
  }

  /**
   * Reads one value.
   *
   * @throws MalformedException if {@code json} is not JSON, or not that of a {@code type}
   */
  public static <T> T read(byte[] json, Class<T> type) throws MalformedException {
    T value;
    try {
      value = MAPPER.readValue(json, type);
    } catch (JacksonException e) {
      throw malformed(e);
    } catch (IOException e) {
      throw new MalformedException("cannot be read", e);
    }
    if (value == null) {
      throw new MalformedException("null where a value is needed", null);
    }
    return value;
  }

  /** Reads one value as a tree; for messages of unknown shape. */
  public static JsonNode readTree(byte[] json) throws MalformedException {
    return read(json, JsonNode.class);
  }

  /** Says where, but not Jackson's what: that quotes the input and names classes. */
  private static MalformedException malformed(JacksonException e) {
    JsonLocation at = e.getLocation();
    String where =
        at == null || at.getLineNr() < 1
            ? ""
            : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
    return new MalformedException("malformed JSON" + where, e);
  }

  /** The input is not the JSON that was expected; the message is fit for the sender to read. */
  public static final class MalformedException extends IOException {
    private MalformedException(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
