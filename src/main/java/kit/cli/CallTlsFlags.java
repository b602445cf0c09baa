// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.discovery.Instance;
import kit.http.client.LazyTls;
import kit.tls.ReloadingTls;

/**
 * The flags of calls over TLS: {@code --ca-file}, {@code --client-cert} and {@code --client-key}, and
 * {@code --tls} for programs that call instances of a registry.
 *
 * <pre>{@code
 * CallTlsFlags tls = new CallTlsFlags(flags).declareScheme();
 * flags.parse(args);
 * tls.check();
 * HttpClient http = tls.newClient(engine);
 * URI base = tls.base(instance);
 * AutoCloseable following = tls.follow(); // Of a program that runs for long.
 * }</pre>
 *
 * <p>Host names and IP addresses in certificates are always verified.
 *
 * <p>Not thread-safe, as {@link Flags} is not, but {@link #base} and {@link #isHttps} are.
 */
public final class CallTlsFlags {
  private static final Flags.Type<Optional<Path>> FILE = FlagFile.TYPE.or("none");

  private final Flags flags;
  private final Supplier<Optional<Path>> ca;
  private final Supplier<Optional<Path>> certificate;
  private final Supplier<Optional<Path>> key;
  private Supplier<Boolean> byDefault = () -> false;
  private Optional<ReloadingTls> opened = Optional.empty();

  /** Declares the flags of the three files. */
  public CallTlsFlags(Flags flags) {
    this.flags = flags;
    flags.group("TLS");
    ca = flags.optional("ca-file", FILE, "none", "CA certificates (PEM) of servers; else Java's");
    certificate =
        flags.optional("client-cert", FILE, "none", "certificate (PEM) of calls, with its chain");
    key = flags.optional("client-key", FILE, "none", "private key (PEM) of --client-cert");
  }

  /** Declares {@code --tls}. */
  public CallTlsFlags declareScheme() {
    flags.group("TLS");
    byDefault =
        flags.optional("tls", Flags.SWITCH, "false", "call https where the registry has no scheme");
    return this;
  }

  /**
   * Reads the files, once.
   *
   * @throws Flags.UsageException if a flag is missing, or a file cannot be used
   */
  public void check() {
    if (certificate.get().isPresent() != key.get().isPresent()) {
      throw new Flags.UsageException("--client-cert and --client-key: one needs the other");
    }
    boolean hasFiles = ca.get().isPresent() || certificate.get().isPresent();
    if (opened.isPresent() || !hasFiles) {
      return;
    }
    try {
      opened =
          Optional.of(
              ReloadingTls.forClient(
                  ca.get(),
                  certificate.get(),
                  key.get(),
                  InstantSource.system(),
                  new TlsFlags.LoggedEvents("TLS files of calls")));
    } catch (IOException e) {
      throw new Flags.UsageException("TLS: " + e.getMessage());
    }
  }

  /**
   * Returns the context of calls: that of the files, or else the JDK's.
   *
   * @throws Flags.UsageException as {@link #check}
   */
  public SSLContext context() {
    check();
    return opened.map(ReloadingTls::context).orElseGet(LazyTls::context);
  }

  /** Returns a client for calls to services; one serves the whole program. */
  public HttpClient newClient(HttpEngine engine) {
    boolean isExpected = opened.isPresent() || byDefault.get();
    return isExpected ? engine.newClient(context()) : engine.newClient();
  }

  /** Returns whether {@code --tls} is set: instances without a scheme of their own have TLS. */
  public boolean isDefault() {
    return byDefault.get();
  }

  /** Returns whether an instance is called over TLS: by its metadata, or else by {@code --tls}. */
  public boolean isHttps(Instance instance) {
    return instance.scheme(isDefault() ? "https" : "http").equals("https");
  }

  /** Returns the base URI of an instance, without a slash at its end. */
  public URI base(Instance instance) {
    return URI.create((isHttps(instance) ? "https://" : "http://") + instance.authority());
  }

  /**
   * Follows the files until the result is closed, so that renewed certificates are used without a
   * restart. Called once.
   */
  public AutoCloseable follow() {
    check();
    opened.ifPresent(ReloadingTls::start);
    return () -> opened.ifPresent(ReloadingTls::close);
  }
}
