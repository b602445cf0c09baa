// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

/**
 * A failure that no interface definition declares: {@code TApplicationException} of other
 * implementations. Thread-safe.
 */
public final class ThriftException extends RuntimeException {
  /** The method is unknown to the server. */
  public static final int UNKNOWN_METHOD = 1;

  /** The response has no result. */
  public static final int MISSING_RESULT = 5;

  /** The server has failed. */
  public static final int INTERNAL_ERROR = 6;

  /** The arguments are malformed. */
  public static final int PROTOCOL_ERROR = 7;

  private static final long serialVersionUID = 1;

  static final ThriftCodec<ThriftException> CODEC =
      new ThriftCodec<>(
          (e, to) -> to.write(1, ThriftType.STRING, e.text()).write(2, ThriftType.I32, e.type()),
          from -> {
            String text = "";
            int type = 0;
            while (from.next()) {
              switch (from.field()) {
                case 1 -> text = from.read(ThriftType.STRING);
                case 2 -> type = from.read(ThriftType.I32);
                default -> {}
              }
            }
            return new ThriftException(type, text);
          });

  private final int type;

  /**
   * Creates a failure.
   *
   * @param type such as {@link #INTERNAL_ERROR}
   * @param text sent to the peer
   */
  public ThriftException(int type, String text) {
    super(requireNonNull(text, "text"));
    this.type = type;
  }

  /** Returns the type, as Thrift numbers them. */
  public int type() {
    return type;
  }

  private String text() {
    return getMessage();
  }
}
