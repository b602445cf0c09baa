// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import javax.net.ssl.SSLContext;
import kit.cli.Flags;
import kit.etcd.EtcdClient;
import kit.http.LazyTls;

/**
 * What it takes to be let in by etcd: the address, flags, or else the variables of etcd's own tool.
 *
 * <pre>
 *   etcd://name:password@...
 *   --etcd-user              ETCDCTL_USER     name:password
 *   --etcd-user-file                          holds name:password
 *   --etcd-ca-file           ETCDCTL_CACERT   in PEM; else the authorities that Java trusts
 * </pre>
 *
 * <p>Files are read once, at the start. Knows no client certificates: etcd's gateway takes none for a
 * user.
 */
final class EtcdAccess {
  private static final String USER = "--etcd-user";
  private static final String USER_FILE = "--etcd-user-file";
  private static final String CA_FILE = "--etcd-ca-file";
  private static final String TOOLS_USER = "ETCDCTL_USER";
  private static final String TOOLS_CA_FILE = "ETCDCTL_CACERT";

  private EtcdAccess() {}

  /**
   * Reads the settings: variables of the environment, and flags under their names with dashes.
   *
   * @param userInfo what the address says; null if it says nothing
   * @throws Flags.UsageException if a file cannot be read or holds something else
   */
  static EtcdClient.Access of(String userInfo, Map<String, String> settings, boolean withTls) {
    String user = user(userInfo, settings);
    SSLContext tls = tls(settings, withTls);
    if (user == null) {
      return new EtcdClient.Access(null, null, tls);
    }
    int colon = user.indexOf(':');
    return new EtcdClient.Access(user.substring(0, colon), user.substring(colon + 1), tls);
  }

  private static String user(String userInfo, Map<String, String> settings) {
    boolean isGiven = settings.containsKey(USER);
    if (isGiven && settings.containsKey(USER_FILE)) {
      throw new Flags.UsageException(USER + " and " + USER_FILE + ": there can be only one");
    }
    if (userInfo != null) {
      return checked("--registry", userInfo);
    }
    if (isGiven) {
      return checked(USER, settings.get(USER));
    }
    if (settings.containsKey(USER_FILE)) {
      return userIn(Path.of(settings.get(USER_FILE)));
    }
    String user = Flags.decoded(TOOLS_USER, settings.getOrDefault(TOOLS_USER, ""));
    return user.isEmpty() ? null : checked(TOOLS_USER, user);
  }

  private static String userIn(Path file) {
    try {
      return checked(USER_FILE, Files.readString(file).strip());
    } catch (NoSuchFileException e) {
      throw new Flags.UsageException(USER_FILE + ": no such file: " + file);
    } catch (IOException e) {
      throw new Flags.UsageException(USER_FILE + ": cannot read " + file + ": " + e.getMessage());
    }
  }

  /** Shows nothing of what it refuses. */
  private static String checked(String name, String user) {
    if (!user.matches("(?s)[^:]+:.+")) {
      throw new Flags.UsageException(name + ": the user is not name:password");
    }
    return user;
  }

  private static SSLContext tls(Map<String, String> settings, boolean withTls) {
    if (settings.containsKey(CA_FILE) && !withTls) {
      throw new Flags.UsageException(CA_FILE + ": the registry is not etcd+https://host:port");
    }
    String name = settings.containsKey(CA_FILE) ? CA_FILE : TOOLS_CA_FILE;
    String file = Flags.decoded(name, settings.getOrDefault(name, ""));
    if (!withTls || file.isBlank()) {
      return LazyTls.context();
    }
    try {
      return CaFile.trusting(Path.of(file));
    } catch (IOException e) {
      throw new Flags.UsageException(name + ": " + e.getMessage());
    }
  }
}
