// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Publishes the routes of a service as metadata of its instances in the registry.
 *
 * <pre>
 *   "route-1": "GET /user/{uid:\\d+}",
 *   "route-2": "DELETE /user/{uid:\\d+}"
 * </pre>
 *
 * <p>One entry per route, because a template may hold any separator. Consul accepts 64 entries of
 * metadata of at most 512 bytes each: the first {@value #MAX_ROUTES} routes are published, longer
 * ones are skipped, and the other entries remain for other metadata.
 *
 * <p>Every client receives the metadata of every instance with each change: publish the routes that
 * clients call, not those for monitoring.
 */
public final class RouteMeta {
  private static final int MAX_ROUTES = 48;
  private static final int MAX_VALUE_BYTES = 512;
  private static final String PREFIX = "route-";
  private static final Pattern KEY = Pattern.compile(PREFIX + "[1-9]\\d?");

  private RouteMeta() {}

  /** Returns the metadata for routes such as {@code GET /user/{uid}}. */
  public static Map<String, String> of(List<String> routes) {
    Map<String, String> meta = new LinkedHashMap<>();
    for (String route : routes) {
      if (meta.size() < MAX_ROUTES
          && route.getBytes(StandardCharsets.UTF_8).length <= MAX_VALUE_BYTES) {
        meta.put(PREFIX + (meta.size() + 1), route);
      }
    }
    return meta;
  }

  /** Returns the routes that an instance publishes, in order; empty if it publishes none. */
  public static List<String> routes(Instance instance) {
    return instance.meta().entrySet().stream()
        .filter(entry -> KEY.matcher(entry.getKey()).matches())
        .sorted(Map.Entry.comparingByKey(RouteMeta::byNumber))
        .map(Map.Entry::getValue)
        .toList();
  }

  private static int byNumber(String one, String other) {
    int shorterFirst = Integer.compare(one.length(), other.length());
    return shorterFirst == 0 ? one.compareTo(other) : shorterFirst;
  }
}
