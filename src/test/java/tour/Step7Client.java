// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import kit.Context;
import kit.balancer.BalancedEndpoint;
import kit.balancer.RoundRobinPicker;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.discovery.Instances;
import kit.http.Json;
import kit.http.client.HttpEndpoint;

/** Discovers the instances of a service and calls them in turn. */
public final class Step7Client {
  private Step7Client() {}

  record Name(String result) {}

  /** Uses the registry in {@code args}. */
  public static void main(String... args) throws Exception {
    call(URI.create(args[0]), System.out);
  }

  static void call(URI consul, PrintStream out) throws Exception {
    // docs: balanced
    HttpClient http = HttpEndpoint.newClient();
    try (Instances instances = new ConsulInstances(new ConsulClient(consul), "userservice");
        BalancedEndpoint<Integer, String> getName =
            new BalancedEndpoint<>(
                "userservice",
                instances,
                instance ->
                    new HttpEndpoint<>(
                        http,
                        URI.create("http://" + instance),
                        (context, base, uid) ->
                            HttpRequest.newBuilder(base.resolve("/user/" + uid)),
                        (context, response) -> Json.read(response.body(), Name.class).result()),
                new RoundRobinPicker(0)::pick)) {
      for (int call = 1; call <= 4; call++) {
        Context context = Context.background().withTimeout(Duration.ofSeconds(5));
        out.println(getName.call(context, 101));
      }
    }
    // end of balanced
  }
}
