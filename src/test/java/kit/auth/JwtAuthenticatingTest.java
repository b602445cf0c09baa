// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.net.httpserver.Headers;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.PeerException;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestTarget;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.client.HttpEndpoint;
import kit.http.server.HttpService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.RawToken;

/** Bearer-token authentication over HTTP. */
@Timeout(30)
class JwtAuthenticatingTest {
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private static final long NOW = 1_800_000_000;
  private static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(NOW));
  private static final byte[] SECRET = "0123456789abcdef0123456789abcdef".getBytes(UTF_8);
  private static final SecretKey KEY = new SecretKeySpec(SECRET, "HMAC");
  private static final String HS256 = "{\"alg\":\"HS256\"}";
  private static final String GOOD =
      "\"exp\":1800000060,\"sub\":\"jerry\",\"scope\":\"users:read\"";

  private final List<String> reached = new ArrayList<>();
  private HttpService service;

  @BeforeEach
  void serve() throws Exception {
    Middleware<Request, Response> known =
        JwtAuthenticating.verifying(
            new Jwt.Verifier(Jwt.Algorithm.HS256, KEY, Jwt.Expected.anyIssuer(), CLOCK));
    Endpoint<Request, Response> whoAmI =
        (context, request) -> {
          reached.add(request.target().rawPath());
          return Response.text(200, "hello " + context.get(JwtAuthenticating.CLAIMS).subject());
        };
    service = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    service.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route("GET", "/me", known.around(whoAmI))
                .route(
                    "DELETE",
                    "/me",
                    Middleware.chain(
                            known,
                            JwtAuthenticating.<Request, Response>requiringScope("users:delete"))
                        .around(whoAmI))
                .route(
                    "GET",
                    "/wrong",
                    JwtAuthenticating.<Request, Response>requiringScope("a").around(whoAmI))));
  }

  @AfterEach
  void stop() {
    service.close();
  }

  private static String token(String claims) {
    return RawToken.hs256(SECRET, HS256, "{" + claims + "}");
  }

  private HttpResponse<String> send(String method, String path, String... headers)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.port() + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(Duration.ofSeconds(10));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static String challenge(HttpResponse<String> answer) {
    return answer.headers().firstValue("WWW-Authenticate").orElse(null);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Bearer ", "bearer ", "BEARER ", "Bearer   "})
  void validTokenIsAcceptedWithItsClaims(String scheme) throws Exception {
    HttpResponse<String> answer = send("GET", "/me", "Authorization", scheme + token(GOOD));
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).isEqualTo("hello jerry");
    assertThat(challenge(answer)).isNull();
  }

  @Test
  void twoAuthorizationHeadersReachNoHandler() throws Exception {
    HttpResponse<String> answer =
        send("GET", "/me", "Authorization", "Bearer " + token(GOOD), "Authorization", "Bearer x");
    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(reached).isEmpty();

    Headers headers = new Headers();
    headers.add("Authorization", "Bearer " + token(GOOD));
    headers.add("Authorization", "Bearer x");
    Request request =
        new Request("GET", RequestTarget.parse("/me", "h"), headers, InputStream.nullInputStream());
    Endpoint<Request, Response> guarded =
        JwtAuthenticating.verifying(
                new Jwt.Verifier(Jwt.Algorithm.HS256, KEY, Jwt.Expected.anyIssuer(), CLOCK))
            .around((context, passed) -> Response.empty(204));
    assertThatExceptionOfType(StatusException.class)
        .isThrownBy(() -> guarded.call(Context.background(), request))
        .withMessageContainingAll("more than one", "Authorization");
  }

  @Test
  void withoutATokenTheChallengeNamesNoError() throws Exception {
    for (String[] headers :
        new String[][] {
          {},
          {"Authorization", "Basic amVycnk6c2VjcmV0"},
          {"Authorization", token(GOOD)},
          {"Authorization", "Bearer" + token(GOOD)},
          {"X-Authorization", "Bearer " + token(GOOD)},
          {"Cookie", "access_token=" + token(GOOD)}
        }) {
      HttpResponse<String> answer = send("GET", "/me", headers);
      assertThat(answer.statusCode()).isEqualTo(401);
      assertThat(challenge(answer)).isEqualTo("Bearer realm=\"access\"");
    }
    assertThat(send("GET", "/me?access_token=" + token(GOOD)).statusCode()).isEqualTo(401);
    assertThat(reached).isEmpty();
  }

  private static Stream<Arguments> badTokens() throws Exception {
    String good = token(GOOD);
    String[] parts = good.split("\\.");
    byte[] pem = Files.readAllBytes(Path.of("src/test/resources/kit/auth/RS256-public.pem"));
    String rsToken =
        new Jwt.Signer(
                Jwt.Algorithm.RS256,
                KeyFile.read(Path.of("src/test/resources/kit/auth/RS256-private.pem"))
                    .signing()
                    .orElseThrow(),
                CLOCK)
            .sign(Map.of("sub", "root"), Duration.ofHours(1));
    String none = RawToken.encoded("{\"alg\":\"none\"}".getBytes(UTF_8));
    return Stream.of(
        Arguments.of("not a token", "x"),
        Arguments.of("none", none + "." + parts[1] + "."),
        Arguments.of("none, signed", RawToken.hs256(SECRET, none, parts[1], "")),
        Arguments.of("public key as the secret", RawToken.hs256(pem, HS256, "{" + GOOD + "}")),
        Arguments.of("another algorithm", rsToken),
        Arguments.of("another secret", RawToken.hs256(new byte[32], HS256, "{" + GOOD + "}")),
        Arguments.of("truncated", good.substring(0, good.length() - 1)),
        Arguments.of("without signature", parts[0] + "." + parts[1]),
        Arguments.of("padded", good + "="),
        Arguments.of("re-encoded", parts[0] + "." + parts[1] + "==." + parts[2]),
        Arguments.of("expired", token("\"exp\":1799999990,\"sub\":\"jerry\"")),
        Arguments.of("without exp", token("\"sub\":\"jerry\"")),
        Arguments.of("too early", token(GOOD + ",\"nbf\":1800000030")),
        Arguments.of("claim twice", token(GOOD + ",\"sub\":\"root\"")),
        Arguments.of("for others", token(GOOD + ",\"aud\":\"them\"")),
        Arguments.of(
            "crit",
            RawToken.hs256(SECRET, "{\"alg\":\"HS256\",\"crit\":[\"x\"]}", "{" + GOOD + "}")),
        Arguments.of("huge", token(GOOD + ",\"x\":\"" + "x".repeat(8_000) + "\"")),
        Arguments.of("two", good + ", Bearer " + good));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badTokens")
  void invalidTokensAllGetTheSameUnauthorized(String what, String token) throws Exception {
    HttpResponse<String> answer = send("GET", "/me", "Authorization", "Bearer " + token);
    assertThat(answer.statusCode()).isEqualTo(401);
    assertThat(challenge(answer)).isEqualTo("Bearer error=\"invalid_token\"");
    assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
    assertThat(answer.body().replaceFirst("\"requestId\":\"[^\"]*\"", "-"))
        .isEqualTo(
            "{\"status\":401,\"title\":\"Unauthorized\","
                + "\"detail\":\"a valid access token is needed\",-}");
    assertThat(reached).isEmpty();
  }

  @Test
  void tokenWithoutTheScopeIsForbidden() throws Exception {
    HttpResponse<String> answer = send("DELETE", "/me", "Authorization", "Bearer " + token(GOOD));
    assertThat(answer.statusCode()).isEqualTo(403);
    assertThat(challenge(answer))
        .isEqualTo("Bearer error=\"insufficient_scope\", scope=\"users:delete\"");
    assertThat(answer.body())
        .contains("\"detail\":\"the access token lacks the scope users:delete\"");
    assertThat(send("DELETE", "/me").statusCode()).isEqualTo(401);
    assertThat(reached).isEmpty();

    String more = token(GOOD.replace("users:read", "users:read users:delete"));
    assertThat(send("DELETE", "/me", "Authorization", "Bearer " + more).statusCode())
        .isEqualTo(200);
  }

  @Test
  void scopeCheckWithoutVerificationIsAConfigurationError() throws Exception {
    assertThat(send("GET", "/wrong", "Authorization", "Bearer " + token(GOOD)).statusCode())
        .isEqualTo(500);
    assertThat(reached).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a b", "a\"", "a\\", "\u00e9", "a\r\nX: y"})
  void scopeIsOneWord(String scope) {
    assertThatIllegalArgumentException().isThrownBy(() -> JwtAuthenticating.requiringScope(scope));
  }

  // ---- the client side

  private HttpEndpoint<String, String> client() {
    return new HttpEndpoint<>(
        Engine.newClient(),
        URI.create("http://127.0.0.1:" + service.port()),
        (context, base, path) -> HttpRequest.newBuilder(base.resolve(path)),
        (context, response) -> new String(response.body(), UTF_8));
  }

  @Test
  void tokenIsReadAndSentWithEachCall() throws Exception {
    List<Optional<String>> tokens =
        new ArrayList<>(List.of(Optional.of(token(GOOD)), Optional.empty()));
    HttpEndpoint<String, String> client =
        client().before(JwtAuthenticating.sending(() -> tokens.remove(0).orElse(null)));
    assertThat(client.call(Context.background(), "/me")).isEqualTo("hello jerry");
    assertThatExceptionOfType(PeerException.class)
        .isThrownBy(() -> client.call(Context.background(), "/me"))
        .withMessageStartingWith("401 a valid access token is needed");
  }

  @Test
  void callersTokenIsForwardedOnlyIfConfigured() throws Exception {
    Context context = Context.background().with(JwtAuthenticating.TOKEN, token(GOOD));
    assertThat(client().before(JwtAuthenticating.passingOn()).call(context, "/me"))
        .isEqualTo("hello jerry");
    assertThatExceptionOfType(PeerException.class)
        .isThrownBy(() -> client().call(context, "/me"))
        .withMessageStartingWith("401");
    assertThatExceptionOfType(PeerException.class)
        .isThrownBy(
            () -> client().before(JwtAuthenticating.passingOn()).call(Context.background(), "/me"))
        .withMessageStartingWith("401");
    assertThat(context.toString()).doesNotContain(token(GOOD));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "hunter2 hunter2", "hunter2\n", "hunter2\r\nX: y", "hunter\u00e9", "=a"})
  void tokenInvalidInAHeaderIsRejectedWithoutShowingIt(String token) {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                client()
                    .before(JwtAuthenticating.sending(() -> token))
                    .call(Context.background(), "/me"))
        .withMessage("not a bearer token: empty, or characters not allowed");
  }
}
