// SPDX-License-Identifier: Apache-2.0
package kit.cli;

/**
 * What the JDK's HTTP client reads from system properties, for the whole JVM: for a main method to
 * say, and not for a library. To be set before the first client is made; what {@code -D} has set
 * stays.
 */
public final class HttpClientProperties {
  private HttpClientProperties() {}

  /** Sets them. */
  public static void set() {
    // An idle connection must be given up before the server does (60 s, see ServerSettings); the
    // client of JDK 17 keeps it for 20 minutes.
    setIfAbsent("jdk.httpclient.keepalive.timeout", "20");
    // The JDK sends a GET again by itself when a connection breaks; what is repeated and counted is
    // for us to decide.
    setIfAbsent("jdk.httpclient.redirects.retrylimit", "1");
  }

  private static void setIfAbsent(String name, String value) {
    if (System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }
}
