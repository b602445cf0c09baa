// SPDX-License-Identifier: Apache-2.0
package kit.http;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.JsonRecyclerPools;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.InvalidDefinitionException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import kit.LogSafe;

/**
 * Reads and writes JSON with strict rules and limits on the input.
 *
 * <p>Use records as the objects. Unknown members are ignored, so that a peer may add some; content
 * after the value, duplicate members, more than 100 levels, numbers of more than 100 digits, and
 * encodings other than UTF-8 are rejected. Strings are bounded by the length of the body.
 *
 * <p>Values are not converted: {@code 1.5}, {@code "1"} and {@code true} are no {@code int}, and
 * {@code 7} is no {@code String}. A primitive component is required; an optional one is an {@code
 * Integer}, which is null if missing.
 *
 * <p>Thread-safe. Buffers come from one shared pool: Jackson's default keeps them per thread, which
 * on virtual threads means per request, and costs a quarter of the throughput.
 */
public final class Json {
  private static final int MAX_DEPTH = 100; // Jackson's 1,000 can overflow a deep stack.
  private static final int MAX_NUMBER_DIGITS = 100; // A double needs 17, a long 19.

  private static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  // Jackson's other switch, for trees, leaves records to "the last one wins".
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  // A filter in front of this server, which reads UTF-8, would not understand
                  // UTF-16.
                  .disable(JsonFactory.Feature.CHARSET_DETECTION)
                  .recyclerPool(JsonRecyclerPools.sharedConcurrentDequePool())
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxNumberLength(MAX_NUMBER_DIGITS)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          // By default {"uid":1.9}, {"uid":""}, {"uid":null} and {} all name a user.
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
          .withCoercionConfig(
              LogicalType.Textual,
              text ->
                  text.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
          .build();

  private Json() {}

  /**
   * Loads the classes for the first call. It takes a quarter of a second, which a program can spend
   * on another thread during its start.
   */
  public static void prepare() {
    write(Map.of("", List.of("")));
  }

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
   * @throws MalformedException if {@code json} is not JSON, or not of {@code type}
   * @throws IllegalArgumentException if {@code type} cannot be read from JSON
   */
  public static <T> T read(byte[] json, Class<T> type) throws MalformedException {
    return read(type, () -> MAPPER.readValue(json, type));
  }

  /** As {@link #read(byte[], Class)}, from a tree. */
  public static <T> T read(JsonNode json, Class<T> type) throws MalformedException {
    return read(type, () -> MAPPER.treeToValue(json, type));
  }

  /** Reads one value as a tree; for messages of unknown shape. */
  public static JsonNode readTree(byte[] json) throws MalformedException {
    return read(json, JsonNode.class);
  }

  private static <T> T read(Class<T> type, Reading<T> reading) throws MalformedException {
    T value;
    try {
      value = reading.read();
    } catch (InvalidDefinitionException e) { // An error of the program, not of the sender.
      throw new IllegalArgumentException(
          "cannot be read from JSON: " + type + ": " + LogSafe.of(e.getOriginalMessage()));
    } catch (JacksonException e) {
      throw new MalformedException(message(e));
    } catch (IOException e) {
      throw new MalformedException("cannot be read");
    }
    if (value == null) {
      throw new MalformedException("null where a value is needed");
    }
    return value;
  }

  /**
   * Returns the place of the error, without Jackson's message, which quotes the input and names
   * classes.
   */
  private static String message(JacksonException e) {
    JsonLocation at = e.getLocation();
    if (at != null && at.getLineNr() >= 1) {
      return "malformed JSON at line "
          + at.getLineNr()
          + ", column "
          + Math.max(1, at.getColumnNr());
    }
    // A tree has members and indices instead of lines, and is well-formed.
    if (e instanceof JsonMappingException mapping && !mapping.getPath().isEmpty()) {
      return "unexpected value at "
          + mapping.getPath().stream()
              .map(part -> part.getFieldName() == null ? "" + part.getIndex() : part.getFieldName())
              .collect(Collectors.collectingAndThen(Collectors.joining("."), LogSafe::of));
    }
    return "unexpected value";
  }

  @FunctionalInterface
  private interface Reading<T> {
    T read() throws IOException;
  }

  /**
   * Malformed or unexpected JSON; the message may be sent to the client. It has no cause: Jackson's
   * exceptions quote the input, and causes are logged.
   */
  public static final class MalformedException extends IOException {
    private MalformedException(String message) {
      super(message);
    }
  }
}
