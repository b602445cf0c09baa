// SPDX-License-Identifier: Apache-2.0
package client.auth;

import client.options.Failure;
import client.options.Options;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Base64;
import java.util.function.Supplier;
import kit.Context;
import kit.auth.JwtAuthenticating;
import kit.balancer.BalancedEndpoint;
import kit.balancer.RoundRobinPicker;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;
import kit.discovery.Instances;
import kit.http.Json;
import kit.http.client.HttpEndpoint;

/** Requests an access token with a user name and a password, and prints it. */
public final class FetchToken {
  private FetchToken() {}

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    Options options =
        new Options("token", "Requests an access token with a user name and a password.")
            .forTarget();
    Supplier<String> user =
        options
            .flags()
            .required(
                "user",
                Flags.TEXT.where("without a colon", name -> name.indexOf(':') < 0),
                "user name");
    Password password = new Password(options.flags());
    options.parse(args);
    String credentials = user.get() + ":" + password.read();
    String token;
    try {
      token = fetch(options, credentials);
    } catch (Exception e) {
      Failure.print("POST /access-token", e);
      throw new Program.FailedException();
    }
    Output.line(token);
  }

  private static String fetch(Options options, String credentials) throws Exception {
    HttpClient http = options.tls().newClient(options.engine());
    if (options.target().isPresent()) {
      URI base = options.tls().base(options.target().get());
      return at(base, http).call(options.newCall(), credentials);
    }
    try (Instances instances = options.instances();
        BalancedEndpoint<String, String> any =
            new BalancedEndpoint<>(
                options.service(),
                instances,
                instance -> at(options.tls().base(instance), http),
                new RoundRobinPicker()::pick)) {
      return any.call(options.newCall(), credentials);
    }
  }

  private static HttpEndpoint<String, String> at(URI base, HttpClient http) {
    return new HttpEndpoint<>(http, base, FetchToken::encode, FetchToken::decode);
  }

  private static HttpRequest.Builder encode(Context context, URI base, String credentials) {
    String normal = Normalizer.normalize(credentials, Normalizer.Form.NFC); // RFC 7617, 2.1
    byte[] bytes = normal.getBytes(StandardCharsets.UTF_8);
    return HttpRequest.newBuilder(base.resolve("/access-token"))
        .header("Authorization", "Basic " + Base64.getEncoder().encodeToString(bytes))
        .POST(HttpRequest.BodyPublishers.noBody());
  }

  private static String decode(Context context, HttpResponse<byte[]> response) throws IOException {
    String token = Json.readTree(response.body()).path("access_token").textValue();
    try {
      return JwtAuthenticating.checked(token == null ? "" : token);
    } catch (IllegalArgumentException e) {
      throw new IOException("no access token in the response", e);
    }
  }
}
