// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.IOException;

/** The codec of {@code message Text { string text = 1; }}. */
final class Texts {
  static final GrpcCodec<String> CODEC = GrpcCodec.of(Texts::encode, Texts::decode);

  private Texts() {}

  private static byte[] encode(String text) {
    return new ProtobufWriter().writeString(1, text).toBytes();
  }

  private static String decode(byte[] bytes) throws IOException {
    String text = "";
    ProtobufReader message = new ProtobufReader(bytes);
    while (message.next()) {
      if (message.field() == 1) {
        text = message.readString();
      }
    }
    return text;
  }
}
