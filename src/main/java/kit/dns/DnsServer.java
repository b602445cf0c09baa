// SPDX-License-Identifier: Apache-2.0
package kit.dns;

import java.io.IOException;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Hashtable;
import java.util.List;
import javax.naming.CommunicationException;
import javax.naming.Context;
import javax.naming.NameNotFoundException;
import javax.naming.NamingEnumeration;
import javax.naming.NamingException;
import javax.naming.directory.Attribute;
import javax.naming.directory.DirContext;
import javax.naming.directory.InitialDirContext;

/**
 * Queries one DNS server through the JDK's JNDI provider: over UDP, and over TCP if the response
 * was truncated.
 *
 * <p>Not thread-safe.
 */
final class DnsServer {
  // The first timeout in ms, and the number of attempts, each with twice the timeout of the one
  // before.
  private static final String TIMEOUT = "500";
  private static final String TRIES = "2";

  private final Hashtable<String, String> environment = new Hashtable<>();
  private final String url;

  /** Creates a client of the server at {@code host:port}. */
  DnsServer(String authority) {
    url = "dns://" + authority;
    environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.dns.DnsContextFactory");
    environment.put(Context.PROVIDER_URL, url);
    environment.put("com.sun.jndi.dns.timeout.initial", TIMEOUT);
    environment.put("com.sun.jndi.dns.timeout.retries", TRIES);
  }

  /**
   * Returns the records of one type, as text; none if there is no such name.
   *
   * @throws IOException if the server does not respond or refuses the query
   */
  List<String> records(String name, String type) throws IOException, InterruptedException {
    try {
      return lookUp(name, type);
    } catch (NameNotFoundException e) {
      return List.of();
    } catch (NamingException e) {
      throw failed(name + " " + type, e);
    }
  }

  /**
   * Returns the IPv4 addresses of a host, or else its IPv6 addresses; empty if the server returns
   * none.
   *
   * @throws IOException if the server does not respond
   */
  List<String> addresses(String host) throws IOException, InterruptedException {
    try {
      List<String> addresses = lookUp(host, "A");
      return addresses.isEmpty() ? lookUp(host, "AAAA") : addresses;
    } catch (CommunicationException e) {
      throw failed(host + " A or AAAA", e);
    } catch (NamingException e) {
      return List.of(); // A name of another zone, perhaps.
    }
  }

  private List<String> lookUp(String name, String type)
      throws NamingException, InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException(); // The JDK ignores interruption until its timeout.
    }
    DirContext context = new InitialDirContext(environment);
    try {
      Attribute attribute = context.getAttributes(name, new String[] {type}).get(type);
      List<String> records = new ArrayList<>();
      if (attribute != null) {
        NamingEnumeration<?> values = attribute.getAll();
        while (values.hasMore()) {
          records.add(values.next().toString());
        }
      }
      return records;
    } finally {
      context.close();
    }
  }

  /** Converts an exception of JNDI, which hides the reason in various places behind "DNS error". */
  private IOException failed(String question, NamingException e) {
    Throwable root = e.getRootCause();
    String problem =
        root instanceof SocketTimeoutException
            ? "no response"
            : root instanceof PortUnreachableException
                ? "connection refused"
                : root == null ? e.getMessage() : root.toString();
    IOException failed = new IOException(url + ", " + question + ": " + problem);
    failed.addSuppressed(e);
    return failed;
  }

  @Override
  public String toString() {
    return url;
  }
}
