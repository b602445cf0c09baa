// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import kit.http2.HeaderField;

/**
 * Metadata of a call: names with values, sent as header fields before the messages or after them.
 *
 * <pre>{@code
 * GrpcMetadata.empty().with("tenant", "a").with("trace-bin", new byte[] {1, 2})
 * }</pre>
 *
 * <p>Names are in lower case and may come more than once. The values of names that end in {@code -bin}
 * are bytes, all other ones are printable ASCII. Names of the protocol, such as {@code grpc-timeout},
 * are neither accepted nor returned.
 *
 * <p>Immutable. Peers accept 8 KiB in total if they are not configured otherwise.
 */
public final class GrpcMetadata {
  static final String BINARY = "-bin";

  private static final GrpcMetadata EMPTY = new GrpcMetadata(List.of());
  private static final Pattern NAME = Pattern.compile("[0-9a-z_.-]+");
  private static final Pattern VALUE = Pattern.compile("[!-~]([ -~]*[!-~])?|");
  private static final String RESERVED = "grpc-";

  // Of gRPC, and those that HTTP/2 forbids or means otherwise (RFC 9113, section 8.2.2).
  private static final Set<String> OF_PROTOCOL =
      Set.of(
          "connection",
          "content-length",
          "content-type",
          "host",
          "keep-alive",
          "proxy-connection",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade");

  private final List<HeaderField> fields;

  private GrpcMetadata(List<HeaderField> fields) {
    this.fields = fields;
  }

  /** Returns metadata without names. */
  public static GrpcMetadata empty() {
    return EMPTY;
  }

  /**
   * Returns the metadata in fields of a peer.
   *
   * @throws IllegalArgumentException if a value of a name that ends in -bin is not base64
   */
  static GrpcMetadata of(List<HeaderField> received) {
    List<HeaderField> fields = new ArrayList<>(received.size());
    for (HeaderField field : received) {
      if (field.name().startsWith(":") || isOfProtocol(field.name())) {
        continue;
      }
      if (!field.name().endsWith(BINARY)) {
        fields.add(field);
        continue;
      }
      for (String value : field.value().split(",")) { // A proxy may have joined them.
        fields.add(HeaderField.of(field.name(), value.strip()));
        bytes(fields.get(fields.size() - 1));
      }
    }
    return new GrpcMetadata(List.copyOf(fields));
  }

  /**
   * Returns a copy with one more value.
   *
   * @throws IllegalArgumentException if the name is malformed, one of the protocol or ends in -bin; or
   *     if the value has other characters than printable ASCII, or spaces around it
   */
  public GrpcMetadata with(String name, String value) {
    checkName(name, false);
    if (!VALUE.matcher(value).matches()) { // It may be a secret, so it is not in the text.
      throw new IllegalArgumentException("value of " + name + " not printable ASCII");
    }
    return with(HeaderField.of(name, value));
  }

  /**
   * Returns a copy with one more value of bytes.
   *
   * @throws IllegalArgumentException if the name is malformed, one of the protocol or does not end in
   *     -bin
   */
  public GrpcMetadata with(String name, byte[] value) {
    checkName(name, true);
    return with(binary(name, value));
  }

  private GrpcMetadata with(HeaderField field) {
    List<HeaderField> more = new ArrayList<>(fields);
    more.add(field);
    return new GrpcMetadata(List.copyOf(more));
  }

  /** Returns a copy with the values of {@code more} added. */
  public GrpcMetadata with(GrpcMetadata more) {
    List<HeaderField> all = new ArrayList<>(fields);
    all.addAll(more.fields);
    return new GrpcMetadata(List.copyOf(all));
  }

  /** Returns the first value of a name; base64 if the name ends in -bin. */
  public Optional<String> get(String name) {
    return all(name).stream().findFirst();
  }

  /** Returns all values of a name, in their order; base64 if the name ends in -bin. */
  public List<String> all(String name) {
    return fields.stream()
        .filter(field -> field.name().equals(name))
        .map(HeaderField::value)
        .toList();
  }

  /**
   * Returns the first value of a name that ends in -bin.
   *
   * @throws IllegalArgumentException if the name does not end in -bin
   */
  public Optional<byte[]> bytes(String name) {
    checkName(name, true);
    return fields.stream()
        .filter(field -> field.name().equals(name))
        .map(GrpcMetadata::bytes)
        .findFirst();
  }

  List<HeaderField> fields() {
    return fields;
  }

  /** Returns a field with bytes as its value: base64 without padding, as the standard asks. */
  static HeaderField binary(String name, byte[] value) {
    return HeaderField.of(name, Base64.getEncoder().withoutPadding().encodeToString(value));
  }

  /** Returns the bytes of a field; accepts base64 with and without padding. */
  static byte[] bytes(HeaderField field) {
    try {
      return Base64.getDecoder().decode(field.value());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("value of metadata that ends in -bin is not base64", e);
    }
  }

  static boolean isOfProtocol(String name) {
    return name.startsWith(RESERVED) || OF_PROTOCOL.contains(name);
  }

  private static void checkName(String name, boolean isBinary) {
    if (!NAME.matcher(name).matches() || isOfProtocol(name)) {
      throw new IllegalArgumentException("malformed or reserved name of metadata: " + name);
    }
    if (name.endsWith(BINARY) != isBinary) {
      throw new IllegalArgumentException(
          (isBinary ? "name of bytes without -bin: " : "name of a text with -bin: ") + name);
    }
  }

  /** Returns the names; never a value, which may be a secret. */
  @Override
  public String toString() {
    return fields.stream().map(HeaderField::name).toList().toString();
  }
}
