// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLContext;
import kit.cli.Flags;
import kit.consul.ConsulClient;
import kit.http.EachAddressClient;
import kit.http.LazyTls;

/**
 * What it takes to be let in by Consul: flags, or else the variables of Consul's own tools.
 *
 * <pre>
 *   --consul-token       CONSUL_HTTP_TOKEN
 *   --consul-token-file  CONSUL_HTTP_TOKEN_FILE   counts more than the variable before it
 *   --consul-ca-file     CONSUL_CACERT            in PEM; else the authorities that Java trusts
 * </pre>
 *
 * <p>Files are read once, at the start. Knows no client certificates, and no way to switch the check
 * of the server's certificate off.
 */
final class ConsulAccess {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);

  private final String token; // Null if there is none.
  private final SSLContext tls;

  private ConsulAccess(String token, SSLContext tls) {
    this.token = token;
    this.tls = tls;
  }

  /**
   * Reads the settings: variables of the environment, and flags under their names with dashes.
   *
   * @throws Flags.UsageException if a file cannot be read or holds something else
   */
  static ConsulAccess of(Map<String, String> settings, boolean withTls) {
    String caFile = "--consul-ca-file";
    if (settings.containsKey(caFile) && !withTls) {
      throw new Flags.UsageException(caFile + ": the registry is not consul+https://host:port");
    }
    SSLContext tls = LazyTls.context();
    if (withTls && settings.containsKey(caFile)) {
      tls = tls(caFile, settings);
    } else if (withTls && isSet("CONSUL_CACERT", settings)) {
      tls = tls("CONSUL_CACERT", settings);
    }
    return new ConsulAccess(token(settings), tls);
  }

  private static boolean isSet(String name, Map<String, String> settings) {
    return !Flags.decoded(name, settings.getOrDefault(name, "")).isBlank();
  }

  private static String token(Map<String, String> settings) {
    String flag = "--consul-token";
    String fileFlag = "--consul-token-file";
    if (settings.containsKey(flag) && settings.containsKey(fileFlag)) {
      throw new Flags.UsageException(flag + " and " + fileFlag + ": there can be only one");
    }
    if (settings.containsKey(flag)) {
      return checked(flag, settings.get(flag));
    }
    for (String file : new String[] {fileFlag, "CONSUL_HTTP_TOKEN_FILE"}) {
      if (isSet(file, settings)) {
        return tokenIn(file, settings.get(file));
      }
    }
    String variable = "CONSUL_HTTP_TOKEN";
    return isSet(variable, settings) ? checked(variable, settings.get(variable).strip()) : null;
  }

  private static String tokenIn(String name, String file) {
    try {
      return checked(name, Files.readString(Path.of(file)).strip());
    } catch (NoSuchFileException e) {
      throw new Flags.UsageException(name + ": no such file: " + file);
    } catch (IOException e) {
      throw new Flags.UsageException(name + ": cannot read " + file + ": " + e.getMessage());
    }
  }

  /** Shows nothing of what it refuses. */
  private static String checked(String name, String token) {
    if (!token.matches("[!-~]+")) {
      throw new Flags.UsageException(name + ": not a token: empty, or not in visible ASCII");
    }
    return token;
  }

  private static SSLContext tls(String name, Map<String, String> settings) {
    try {
      return CaFile.trusting(Path.of(settings.get(name)));
    } catch (IOException e) {
      throw new Flags.UsageException(name + ": " + e.getMessage());
    }
  }

  /** Returns a client of the agent at this address. */
  ConsulClient client(URI agent) {
    HttpClient http =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT_TIMEOUT)
            .proxy(HttpClient.Builder.NO_PROXY)
            .sslContext(tls)
            .build();
    return new ConsulClient(agent, token, EachAddressClient.over(http));
  }
}
