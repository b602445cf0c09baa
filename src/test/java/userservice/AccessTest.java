// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import kit.auth.Jwt;
import kit.auth.KeyFile;
import kit.cli.Flags;
import kit.http.Json;
import kit.http.Response;
import kit.http.server.HttpService;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Authentication flags of the service, tested over HTTP. */
@Timeout(30)
class AccessTest {
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private static final Path KEYS = Path.of("src/test/resources/kit/auth");

  // Of "password", with one iteration, so that tests are quick.
  private static final String JERRY =
      "jerry:pbkdf2-sha256:1:c2FsdA==:Eg+2z/z4syxD5yJSVsT4N6hlSMkszDVICAWYfLcL4Xs=\n";

  @TempDir private Path folder;
  private Path users;
  private final Metrics metrics = new Metrics();
  private HttpService http;

  @BeforeEach
  void writeUsers() throws Exception {
    users = Files.writeString(folder.resolve("users"), JERRY);
  }

  @AfterEach
  void stop() {
    if (http != null) {
      http.close();
    }
  }

  private static Optional<Access> access(String... args) {
    Flags flags = new Flags("user-service", "serves", "KIT_", Map.of());
    Supplier<Optional<Access>> access = Access.flags(flags);
    flags.parse(args);
    return access.get();
  }

  private void serve(String... args) throws Exception {
    Access access = access(args).orElseThrow();
    http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    http.start(
        UserRoutes.handler(
            new InMemoryUserService("8081"),
            http::health,
            http::ready,
            (context, request) -> Response.empty(204),
            access.accessToken(new Instrumenting(metrics)),
            access.guard()));
    http.selfCheck("/health"); // And is ready.
  }

  private static String key(String name) {
    return KEYS.resolve(name).toString();
  }

  private HttpResponse<String> send(String method, String path, String body, String... headers)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + http.port() + path))
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .timeout(Duration.ofSeconds(10));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> askForToken(String user, String password) throws Exception {
    byte[] credentials = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
    return send(
        "POST",
        "/access-token",
        "",
        "Authorization",
        "Basic " + Base64.getEncoder().encodeToString(credentials));
  }

  private static JsonNode json(HttpResponse<String> answer) throws Exception {
    return Json.readTree(answer.body().getBytes(StandardCharsets.UTF_8));
  }

  private List<Integer> statusOfEachOperation(String... headers) throws Exception {
    List<Integer> statuses = new ArrayList<>();
    statuses.add(send("GET", "/user/101", "", headers).statusCode());
    statuses.add(send("DELETE", "/user/7", "", headers).statusCode());
    List<String> withType = new ArrayList<>(List.of(headers));
    withType.addAll(List.of("Content-Type", "application/json"));
    String[] both = withType.toArray(String[]::new);
    String rpc = "{\"jsonrpc\":\"2.0\",\"method\":\"user.get\",\"params\":{\"uid\":101},\"id\":1}";
    statuses.add(send("POST", "/rpc", rpc, both).statusCode());
    statuses.add(send("POST", "/hello", "{\"message\":\"x\"}", both).statusCode());
    return statuses;
  }

  @Test
  void eachOperationNeedsATokenAndHealthDoesNot() throws Exception {
    serve("--jwt-key-file", key("HS256.key"), "--users-file", users.toString());
    assertThat(statusOfEachOperation()).containsOnly(401);
    assertThat(statusOfEachOperation("Authorization", "Bearer x.y.z")).containsOnly(401);
    assertThat(send("GET", "/health", "").statusCode()).isEqualTo(200);
    assertThat(send("GET", "/ready", "").statusCode()).isEqualTo(200);
    assertThat(send("GET", "/metrics", "").statusCode()).isEqualTo(204);

    String token = json(askForToken("jerry", "password")).get("access_token").textValue();
    assertThat(statusOfEachOperation("Authorization", "Bearer " + token)).containsOnly(200);
  }

  @ParameterizedTest
  @CsvSource({
    "HS512.key, HS512.key, HS512",
    "RS256-private.pem, RS256-public.pem, RS256",
    "ES256-private.pem, ES256-public.pem, ES256"
  })
  void tokenHasSubjectAudienceAndScope(String signing, String verifying, String algorithm)
      throws Exception {
    serve(
        "--jwt-key-file",
        key(signing),
        "--jwt-algorithm",
        algorithm,
        "--users-file",
        users.toString(),
        "--jwt-issuer",
        "me",
        "--jwt-audience",
        "us",
        "--jwt-scope",
        "users");
    HttpResponse<String> answer = askForToken("jerry", "password");
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("Cache-Control")).contains("no-store");
    assertThat(answer.headers().firstValue("Content-Type")).contains("application/json");
    JsonNode json = json(answer);
    assertThat(json.get("token_type").textValue()).isEqualTo("Bearer");
    assertThat(json.get("expires_in").intValue()).isEqualTo(3600);
    assertThat(json).hasSize(3);

    JsonNode claims =
        new Jwt.Verifier(
                Jwt.Algorithm.valueOf(algorithm),
                KeyFile.read(KEYS.resolve(verifying)).verifying(),
                Jwt.Expected.anyIssuer().withIssuer("me").withAudience("us"),
                InstantSource.system())
            .verify(json.get("access_token").textValue())
            .json();
    assertThat(claims.get("sub").textValue()).isEqualTo("jerry");
    assertThat(claims.get("scope").textValue()).isEqualTo("users");
    assertThat(claims.get("exp").longValue() - claims.get("iat").longValue()).isEqualTo(3600);
    assertThat(claims).hasSize(6);
  }

  @Test
  void tokenWithoutTheScopeIsForbidden() throws Exception {
    serve("--jwt-key-file", key("HS256.key"), "--jwt-scope", "users");
    KeyFile keys = KeyFile.read(KEYS.resolve("HS256.key"));
    Jwt.Signer signer =
        new Jwt.Signer(Jwt.Algorithm.HS256, keys.signing().orElseThrow(), InstantSource.system());
    String without = signer.sign(Map.of("sub", "jerry"), Duration.ofMinutes(1));
    assertThat(statusOfEachOperation("Authorization", "Bearer " + without)).containsOnly(403);
    String with = signer.sign(Map.of("scope", "more users"), Duration.ofMinutes(1));
    assertThat(statusOfEachOperation("Authorization", "Bearer " + with)).containsOnly(200);
  }

  @Test
  void wrongPasswordAndUnknownUserGetTheSameResponse() throws Exception {
    serve("--jwt-key-file", key("HS256.key"), "--users-file", users.toString());
    AtomicReference<String> seen = new AtomicReference<>();
    for (String user : List.of("jerry", "unknown")) {
      HttpResponse<String> answer = askForToken(user, "wrong");
      assertThat(answer.statusCode()).isEqualTo(401);
      assertThat(answer.headers().firstValue("WWW-Authenticate"))
          .contains("Basic realm=\"access token\", charset=\"UTF-8\"");
      String body = answer.body().replaceAll("\"(requestId|traceId)\":\"[^\"]*\"", "");
      assertThat(seen.getAndSet(body)).isIn(null, body);
    }
  }

  @Test
  void passwordsAreCheckedFiveAtOnceAndThenOneASecond() throws Exception {
    serve("--jwt-key-file", key("HS256.key"), "--users-file", users.toString());
    long startedAtNanos = System.nanoTime();
    int checked = 0;
    HttpResponse<String> refused = null;
    for (int i = 0; i < 50; i++) {
      HttpResponse<String> answer = askForToken("jerry", "wrong");
      if (answer.statusCode() == 401) {
        checked++;
      } else {
        refused = answer;
      }
    }
    long seconds = Duration.ofNanos(System.nanoTime() - startedAtNanos).toSeconds();
    assertThat(checked).isBetween(5, (int) (6 + seconds));
    assertThat(refused.statusCode()).isEqualTo(429);
    assertThat(refused.headers().firstValue("Retry-After")).contains("1");
    assertThat(metrics.text())
        .contains("ratelimit_refused_total{limit=\"passwords\"} " + (50 - checked) + "\n");
  }

  @Test
  void withoutUsersOrASigningKeyNoTokenIsIssued() throws Exception {
    serve("--jwt-key-file", key("RS256-public.pem"), "--users-file", users.toString());
    assertThat(askForToken("jerry", "password").statusCode()).isEqualTo(404);
    assertThat(
            access("--jwt-key-file", key("HS256.key"))
                .orElseThrow()
                .accessToken(new Instrumenting(new Metrics())))
        .isEmpty();
    assertThat(access()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --jwt-key-file nofile                                 | --jwt-key-file: no such file: nofile
          --jwt-key-file src                                    | --jwt-key-file: cannot read src: Is a directory
          --jwt-key-file pom.xml --jwt-algorithm RS256          | --jwt-algorithm: RS256 needs an RSA key of at least 2048 bits, not a secret of
          --jwt-key-file {HS256.key} --jwt-algorithm HS512      | --jwt-algorithm: HS512 needs a secret of at least 64 bytes, not a secret of 43 bytes
          --jwt-key-file {RS256-public.pem} --jwt-algorithm HS256 | --jwt-algorithm: HS256 needs a secret of at least 32 bytes, not an RSA key of 2048 bits
          --jwt-key-file {RS256-public.pem} --jwt-algorithm none | --jwt-algorithm: not HS256, HS384, HS512, RS256, ES256 or auto: "none"
          --jwt-key-file .gitignore --jwt-algorithm HS512       | --jwt-algorithm: HS512 needs
          --jwt-key-file {HS256.key} --users-file nofile        | --users-file: no such file: nofile
          --jwt-key-file {HS256.key} --users-file .gitignore    | --users-file: .gitignore, line 1: not name:pbkdf2-sha256:iterations:salt:hash
          --jwt-key-file {HS256.key} --jwt-scope a"b            | --jwt-scope: not one word or none
          --users-file .gitignore                               | --users-file has no effect without --jwt-key-file
          --jwt-algorithm HS256                                 | --jwt-algorithm has no effect without --jwt-key-file
          --jwt-issuer me                                       | --jwt-issuer has no effect without --jwt-key-file
          --jwt-audience us                                     | --jwt-audience has no effect without --jwt-key-file
          --jwt-scope users                                     | --jwt-scope has no effect without --jwt-key-file
          """)
  void invalidFlagsAreNamed(String args, String message) {
    String[] each =
        args.replaceAll("\\{(.*?)}", KEYS.toString().replace("\\", "/") + "/$1").split(" ");
    assertThatExceptionOfType(Flags.UsageException.class)
        .isThrownBy(() -> access(each))
        .withMessageStartingWith(message);
  }
}
