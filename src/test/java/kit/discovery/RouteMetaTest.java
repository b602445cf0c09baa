// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RouteMetaTest {
  private static Instance telling(Map<String, String> meta) {
    return new Instance("10.0.0.1", 80, List.of(), meta);
  }

  @Test
  void oneEntryForEachRoute() {
    List<String> routes = List.of("GET /user/{uid:\\d{1,3}}", "DELETE /user/{uid:\\d{1,3}}");
    Map<String, String> meta = RouteMeta.of(routes);
    assertThat(meta).isEqualTo(Map.of("route-1", routes.get(0), "route-2", routes.get(1)));
    assertThat(RouteMeta.routes(telling(meta))).isEqualTo(routes);
  }

  @Test
  void routesThatConsulWouldRejectAreLeftOut() {
    String longest = "GET /" + "a".repeat(507);
    String tooLong = "GET /" + "ä".repeat(254); // 513 bytes
    assertThat(RouteMeta.of(List.of(tooLong, longest))).isEqualTo(Map.of("route-1", longest));

    List<String> many = IntStream.range(0, 100).mapToObj(i -> "GET /" + i).toList();
    assertThat(RouteMeta.routes(telling(RouteMeta.of(many)))).isEqualTo(many.subList(0, 48));
  }

  @Test
  void otherMetaAreNoRoutes() {
    Map<String, String> meta =
        Map.of("route-2", "GET /", "route-x", "?", "route-0", "?", "zone", "a");
    assertThat(RouteMeta.routes(telling(meta))).containsExactly("GET /");
    assertThat(RouteMeta.routes(telling(Map.of()))).isEmpty();
  }
}
