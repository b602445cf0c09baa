// SPDX-License-Identifier: Apache-2.0
package it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kit.auth.Jwt;
import kit.auth.KeyFile;
import kit.http.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import testing.JarProcess;
import testing.RawToken;

/** Authentication end to end: a protected service and its clients, as processes. */
class AccessIT {
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final Path KEYS = Path.of("src/test/resources/kit/auth");
  private static final String PASSWORD = "hunter2 \u20ac";

  private final List<JarProcess> processes = new ArrayList<>();
  @TempDir private Path folder;
  private Path passwordFile;
  private Path tokenFile;

  @BeforeEach
  void writePassword() throws Exception {
    passwordFile = Files.writeString(folder.resolve("password"), PASSWORD + "\n");
    tokenFile = folder.resolve("token");
  }

  @AfterEach
  void stopProcesses() throws Exception {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
  }

  private JarProcess start(String jar, String... args) {
    JarProcess process = JarProcess.start(jar, args);
    processes.add(process);
    return process;
  }

  private JarProcess startService(String... more) {
    List<String> args =
        new ArrayList<>(List.of("--name", "userservice", "--port", "0", "--registry", "none"));
    args.addAll(List.of(more));
    return start("user-service", args.toArray(String[]::new));
  }

  /** Runs a command of the client to its end; returns what it prints on stdout. */
  private String client(int status, String stderr, String... args) throws Exception {
    JarProcess client = start("client", args);
    assertThat(client.exitStatus()).as(String.join("\n", client.err())).isEqualTo(status);
    assertThat(String.join("\n", client.err())).isEqualTo(stderr);
    return String.join("\n", client.out());
  }

  /** As above, for commands that call; with a deadline that a busy machine keeps. */
  private String call(int status, String stderr, String... args) throws Exception {
    List<String> more = new ArrayList<>(List.of(args));
    more.addAll(List.of("--timeout", "20s"));
    if (!args[0].equals("token")) {
      more.addAll(List.of("--attempt-timeout", "20s"));
    }
    return client(status, stderr, more.toArray(String[]::new));
  }

  @Test
  void passwordGetsATokenAndTokenGetsAResponse() throws Exception {
    Path users = folder.resolve("users");
    String line =
        client(0, "", "hash-password", "jerry", "--password-file", passwordFile.toString());
    Files.writeString(users, line + "\n");
    JarProcess service =
        startService(
            "--jwt-key-file", KEYS.resolve("HS256.key").toString(),
            "--users-file", users.toString(),
            "--log-level", "debug");
    int port = service.port();
    String target = "http://127.0.0.1:" + port;

    String unauthorized = " failed: 401 a valid access token is needed (127.0.0.1:" + port + ")";
    call(1, "GET /user/101" + unauthorized, "get", "101", "--target", target);
    call(1, "DELETE /user/7" + unauthorized, "delete", "7", "--target", target);
    call(1, "GET /user/101" + unauthorized, "get", "101", "--target", target, "--rpc");

    String token =
        call(
            0,
            "",
            "token",
            "--user",
            "jerry",
            "--password-file",
            passwordFile.toString(),
            "--registry",
            "static:127.0.0.1:" + port);
    Files.writeString(tokenFile, token + "\n");
    for (String[] how :
        new String[][] {
          {"--target", target},
          {"--target", target, "--rpc"},
          {"--registry", "static:127.0.0.1:" + port}
        }) {
      List<String> args =
          new ArrayList<>(List.of("get", "101", "--token-file", tokenFile.toString()));
      args.addAll(List.of(how));
      assertThat(call(0, "", args.toArray(String[]::new))).isEqualTo("jerry" + port);
    }
    JarProcess debug =
        start(
            "client",
            "get",
            "7",
            "--target",
            target,
            "--token",
            token,
            "--log-level",
            "debug",
            "--timeout",
            "20s",
            "--attempt-timeout",
            "20s");
    assertThat(debug.exitStatus()).isZero();
    assertThat(debug.out()).containsExactly("guest" + port);
    assertThat(debug.err())
        .anyMatch(text -> text.contains("settings: ") && text.contains("token=***"));

    call(
        1,
        "POST /access-token failed: 401 a user's name and password are needed (127.0.0.1:"
            + port
            + ")",
        "token",
        "--user",
        "tom",
        "--password-file",
        passwordFile.toString(),
        "--target",
        target);
    assertThat(String.join("\n", debug.err())).doesNotContain(token);
    assertThat(String.join("\n", service.err()))
        .contains("settings: ")
        .doesNotContain(token, token.split("\\.")[2], PASSWORD, "hunter2")
        .doesNotContain(Files.readString(KEYS.resolve("HS256.key")).strip());
  }

  @Test
  void tokensOfAnotherIssuerAreVerifiedByItsPublicKey() throws Exception {
    int port =
        startService(
                "--jwt-key-file", KEYS.resolve("RS256-public.pem").toString(),
                "--jwt-issuer", "https://jose.example",
                "--jwt-audience", "userservice",
                "--jwt-scope", "users:read")
            .port();
    String token =
        Json.readTree(Files.readAllBytes(KEYS.resolve("tokens.json"))).get("RS256").textValue();
    assertThat(get(port, token).statusCode()).isEqualTo(200);
    HttpResponse<String> noUsers = send(port, "POST", "/access-token", "Basic amVycnk6eA==");
    assertThat(noUsers.statusCode()).isEqualTo(404);

    for (Map.Entry<String, String> bad : badTokens(token).entrySet()) {
      HttpResponse<String> answer = get(port, bad.getValue());
      assertThat(answer.statusCode()).as(bad.getKey()).isEqualTo(401);
      assertThat(answer.headers().firstValue("WWW-Authenticate"))
          .as(bad.getKey())
          .contains("Bearer error=\"invalid_token\"");
    }
    HttpResponse<String> forbidden = get(port, sign(Map.of("scope", "other"), Instant.now()));
    assertThat(forbidden.statusCode()).isEqualTo(403);
    assertThat(forbidden.headers().firstValue("WWW-Authenticate"))
        .contains("Bearer error=\"insufficient_scope\", scope=\"users:read\"");
  }

  @Test
  void callersTokenIsForwardedToThePeers() throws Exception {
    String key = KEYS.resolve("RS256-public.pem").toString();
    String[] access = {
      "--jwt-key-file", key, "--jwt-issuer", "https://jose.example", "--jwt-audience", "userservice"
    };
    int behind = startService(access).port();
    List<String> args = new ArrayList<>(List.of(access));
    args.addAll(List.of("--proxy", "127.0.0.1:" + behind));
    int front = startService(args.toArray(String[]::new)).port();
    HttpResponse<String> answer = get(front, sign(Map.of(), Instant.now()));
    assertThat(answer.body()).isEqualTo("{\"result\":\"jerry" + behind + "\"}");
  }

  private static String sign(Map<String, ?> more, Instant now) throws Exception {
    KeyFile keys = KeyFile.read(KEYS.resolve("RS256-private.pem"));
    Map<String, Object> claims =
        new LinkedHashMap<>(
            Map.of("iss", "https://jose.example", "aud", "userservice", "scope", "users:read"));
    claims.putAll(more);
    return new Jwt.Signer(
            Jwt.Algorithm.RS256, keys.signing().orElseThrow(), InstantSource.fixed(now))
        .sign(claims, Duration.ofMinutes(1));
  }

  private static Map<String, String> badTokens(String good) throws Exception {
    String[] parts = good.split("\\.");
    byte[] pem = Files.readAllBytes(KEYS.resolve("RS256-public.pem"));
    String none = RawToken.encoded("{\"alg\":\"none\"}".getBytes(UTF_8));
    String hs256 = RawToken.encoded("{\"alg\":\"HS256\"}".getBytes(UTF_8));
    Map<String, String> bad = new LinkedHashMap<>();
    bad.put("none", none + "." + parts[1] + ".");
    bad.put("none with the signature of another", none + "." + parts[1] + "." + parts[2]);
    bad.put("public key as HMAC secret", RawToken.hs256(pem, hs256, parts[1], ""));
    bad.put("the same under the right name", RawToken.hs256(pem, parts[0], parts[1], ""));
    bad.put("truncated", good.substring(0, good.length() - 2));
    bad.put("without signature", parts[0] + "." + parts[1] + ".");
    bad.put("padded", good + "==");
    bad.put("re-encoded", parts[0] + "." + parts[1] + "=." + parts[2]);
    bad.put("expired", sign(Map.of(), Instant.now().minusSeconds(3600)));
    bad.put("too early", sign(Map.of("nbf", Instant.now().getEpochSecond() + 3600), Instant.now()));
    bad.put("of another issuer", sign(Map.of("iss", "https://evil.example"), Instant.now()));
    bad.put("for another audience", sign(Map.of("aud", List.of("others")), Instant.now()));
    bad.put("8 KiB and more", good + "A".repeat(8192));
    return bad;
  }

  private static HttpResponse<String> get(int port, String token) throws Exception {
    return send(port, "GET", "/user/101", "Bearer " + token);
  }

  private static HttpResponse<String> send(
      int port, String method, String path, String authorization) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .header("Authorization", authorization)
            .timeout(Duration.ofSeconds(10))
            .build();
    return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
  }
}
