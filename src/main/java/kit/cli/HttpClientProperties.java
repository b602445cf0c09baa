// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.List;
import java.util.Locale;

/**
 * System properties of the JDK's HTTP client, which apply to the whole JVM: a main method sets them, not
 * a library, before the first client is created. Values that {@code -D} has set are kept.
 */
public final class HttpClientProperties {
  private static final String ALLOWED_HEADERS = "jdk.httpclient.allowRestrictedHeaders";

  private HttpClientProperties() {}

  /** Sets the properties. */
  public static void set() {
    // An idle connection must be closed before the server closes it (60 s, see ServerSettings); the
    // client of JDK 17 keeps it for 20 minutes.
    setIfAbsent("jdk.httpclient.keepalive.timeout", "20");
    // By default the JDK retries a GET when a connection breaks. Retrying decides and counts here.
    setIfAbsent("jdk.httpclient.redirects.retrylimit", "1");
    // For kit.http.client.EachAddressClient, which calls an IP address with the name of its host.
    allowHost();
  }

  private static void allowHost() {
    String allowed = System.getProperty(ALLOWED_HEADERS, "");
    if (!List.of(allowed.toLowerCase(Locale.ROOT).split("\\s*,\\s*")).contains("host")) {
      System.setProperty(ALLOWED_HEADERS, allowed.isBlank() ? "host" : allowed + ",host");
    }
  }

  private static void setIfAbsent(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }
}
