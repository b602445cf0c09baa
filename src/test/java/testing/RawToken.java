// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Correctly signed tokens with arbitrary content, which no regular signer creates. */
public final class RawToken {
  private RawToken() {}

  /** A token of this header and payload, as they are, with the HMAC of SHA-256. */
  public static String hs256(byte[] secret, String header, String payload) {
    return hs256(secret, encoded(header.getBytes(UTF_8)), encoded(payload.getBytes(UTF_8)), "");
  }

  /** As above, for parts that are base64url already; {@code padding} goes to the end. */
  public static String hs256(byte[] secret, String header, String payload, String padding) {
    String input = header + "." + payload;
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HMAC"));
      return input + "." + encoded(mac.doFinal(input.getBytes(UTF_8))) + padding;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Base64url without padding. */
  public static String encoded(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }
}
