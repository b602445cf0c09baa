// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static java.util.Objects.requireNonNull;

import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/**
 * Limits of one client, and what it has from its caller.
 *
 * @param connectTimeout to connect, all addresses of a name and the TLS handshake included; 1 ms to
 *     365 days
 * @param idleTimeout how long a connection without a request is kept: less than servers keep it; 1
 *     ms to 365 days
 * @param maxIdlePerOrigin the greatest number of connections without a request to one server
 * @param maxIdle the greatest number of connections without a request in all
 * @param executor runs the requests of {@code sendAsync}, each as one task that blocks; empty: threads
 *     of the client
 * @param sslContext for {@code https}; empty: the JVM's default, which is read when it is needed
 * @param sslParameters for {@code https}, but for the verification of host names, which is always
 *     on; empty: those of the context
 */
public record EngineClientSettings(
    Duration connectTimeout,
    Duration idleTimeout,
    int maxIdlePerOrigin,
    int maxIdle,
    Optional<Executor> executor,
    Optional<SSLContext> sslContext,
    Optional<SSLParameters> sslParameters) {
  private static final Duration LONGEST = Duration.ofDays(365);

  /** Checks the ranges. */
  public EngineClientSettings {
    check("connectTimeout", connectTimeout);
    check("idleTimeout", idleTimeout);
    if (maxIdlePerOrigin < 0 || maxIdle < 0) {
      throw new IllegalArgumentException(
          "maxIdlePerOrigin or maxIdle < 0: " + maxIdlePerOrigin + ", " + maxIdle);
    }
    requireNonNull(executor, "executor");
    requireNonNull(sslContext, "sslContext");
    requireNonNull(sslParameters, "sslParameters");
  }

  private static void check(String name, Duration timeout) {
    if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(name + " not in 1 ms to 365 days: " + timeout);
    }
  }

  /**
   * Returns the defaults: 5 seconds to connect, 25 seconds idle, at most 1,024 idle connections to one
   * server and 2,048 in all.
   */
  public static EngineClientSettings defaults() {
    return new EngineClientSettings(
        Duration.ofSeconds(5),
        Duration.ofSeconds(25),
        1024,
        2048,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** Returns these settings with another time to connect. */
  public EngineClientSettings withConnectTimeout(Duration timeout) {
    return new EngineClientSettings(
        timeout, idleTimeout, maxIdlePerOrigin, maxIdle, executor, sslContext, sslParameters);
  }

  /** Returns these settings with other bounds of idle connections. */
  public EngineClientSettings withIdle(Duration timeout, int perOrigin, int inAll) {
    return new EngineClientSettings(
        connectTimeout, timeout, perOrigin, inAll, executor, sslContext, sslParameters);
  }

  /** Returns these settings with an executor for {@code sendAsync}. */
  public EngineClientSettings withExecutor(Executor executor) {
    return new EngineClientSettings(
        connectTimeout,
        idleTimeout,
        maxIdlePerOrigin,
        maxIdle,
        Optional.of(executor),
        sslContext,
        sslParameters);
  }

  /** Returns these settings with certificates and keys for TLS. */
  public EngineClientSettings withSslContext(SSLContext context) {
    return new EngineClientSettings(
        connectTimeout,
        idleTimeout,
        maxIdlePerOrigin,
        maxIdle,
        executor,
        Optional.of(context),
        sslParameters);
  }

  /** Returns these settings with parameters for TLS. */
  public EngineClientSettings withSslParameters(SSLParameters parameters) {
    return new EngineClientSettings(
        connectTimeout,
        idleTimeout,
        maxIdlePerOrigin,
        maxIdle,
        executor,
        sslContext,
        Optional.of(parameters));
  }

  /** Returns the context that applies. */
  SSLContext tls() {
    if (sslContext.isPresent()) {
      return sslContext.get();
    }
    try {
      return SSLContext.getDefault(); // Once; later it returns the same.
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JVM has no TLS", e);
    }
  }
}
