// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.List;
import java.util.Locale;

/**
 * What the JDK's HTTP client reads from system properties, for the whole JVM: for a main method to
 * say, and not for a library. To be set before the first client is made; what {@code -D} has set
 * stays.
 */
public final class HttpClientProperties {
  private static final String ALLOWED_HEADERS = "jdk.httpclient.allowRestrictedHeaders";

  private HttpClientProperties() {}

  /** Sets them. */
  public static void set() {
    // An idle connection must be given up before the server does (60 s, see ServerSettings); the
    // client of JDK 17 keeps it for 20 minutes.
    setIfAbsent("jdk.httpclient.keepalive.timeout", "20");
    // The JDK sends a GET again by itself when a connection breaks; what is repeated and counted is
    // for us to decide.
    setIfAbsent("jdk.httpclient.redirects.retrylimit", "1");
    // For kit.http.client.EachAddressClient, which calls an IP address in the name of its host.
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
