// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Calls {@code http://name:port} for each argument, with given addresses of the name, and prints
 * the outcome; see EachAddressClientTest. The first argument is {@code name=address,...}.
 */
final class ForkedAddresses {
  public static void main(String... args) throws Exception {
    String[] addresses = args[0].split(",");
    HttpClient jdk =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(2))
            .build();
    HttpClient http =
        new EachAddressClient(
            jdk,
            name -> {
              InetAddress[] all = new InetAddress[addresses.length];
              for (int i = 0; i < all.length; i++) {
                all[i] = InetAddress.getByName(addresses[i]);
              }
              return all;
            });
    for (String base : List.of(args).subList(1, args.length)) {
      if (base.contains("hanging")) {
        System.out.println(cancelled(http, base));
        System.in.read(); // Until the test has seen what becomes of the connection.
        return;
      }
      System.out.println(sent(http, base));
      System.out.println(sentAsync(http, base));
    }
  }

  /** With a body that can be read once only. */
  private static HttpRequest request(String base) {
    Deque<InputStream> bodies = new ArrayDeque<>();
    bodies.add(new ByteArrayInputStream("body".getBytes()));
    return HttpRequest.newBuilder(URI.create(base + "/a%2Fb?c=%20d"))
        .header("X-Own", "1")
        .timeout(Duration.ofSeconds(5))
        .POST(BodyPublishers.ofInputStream(bodies::remove))
        .build();
  }

  private static String cancelled(HttpClient http, String base) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(base)).build();
    CompletableFuture<?> call = http.sendAsync(request, BodyHandlers.ofString());
    try {
      return "answered: " + call.get(1, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      return call.cancel(true) ? "cancelled" : "not cancelled";
    }
  }

  private static String sent(HttpClient http, String base) throws InterruptedException {
    try {
      HttpResponse<String> response = http.send(request(base), BodyHandlers.ofString());
      return response.statusCode() + " " + response.body();
    } catch (IOException e) {
      return "failed, after " + e.getSuppressed().length;
    }
  }

  private static String sentAsync(HttpClient http, String base) throws InterruptedException {
    try {
      HttpResponse<String> response = http.sendAsync(request(base), BodyHandlers.ofString()).get();
      return response.statusCode() + " " + response.body();
    } catch (ExecutionException e) {
      return "failed, after " + e.getCause().getSuppressed().length;
    }
  }
}
