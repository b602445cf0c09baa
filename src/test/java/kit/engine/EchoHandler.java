// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Responds with what it has received, in one field, so that responses have no body; a body that
 * cannot be read is a 400.
 */
final class EchoHandler implements HttpHandler {
  private static final String TRAILERS = "\ntrailers\n";
  private static final Pattern ANSWER =
      Pattern.compile("HTTP/1\\.1 (\\d{3}) [^\\r]*+\\r\\n((?:[^\\r]++\\r\\n)*+)\\r\\n");
  private static final Pattern ECHO = Pattern.compile("(?i)\\bEcho: (\\S*)\\r\\n");
  private static final Pattern LENGTH = Pattern.compile("(?i)\\bContent-Length: (\\d+)\\r\\n");

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    String body;
    try {
      body = latin(exchange.getRequestBody().readAllBytes());
    } catch (IOException e) {
      exchange.sendResponseHeaders(400, -1);
      exchange.close();
      return;
    }
    String echo =
        text(
            exchange.getRequestMethod(),
            exchange.getRequestURI().toString(),
            exchange.getProtocol(),
            exchange.getRequestHeaders(),
            body,
            trailers(exchange));
    byte[] bytes = echo.getBytes(StandardCharsets.ISO_8859_1);
    exchange.getResponseHeaders().set("Echo", Base64.getEncoder().encodeToString(bytes));
    exchange.sendResponseHeaders(200, -1);
    exchange.close();
  }

  /** Returns the trailers, which the JDK's server does not offer. */
  private static Map<String, List<String>> trailers(HttpExchange exchange) {
    Object trailers = exchange.getAttribute(EngineProvider.TRAILERS);
    return trailers instanceof Headers found ? found : Map.of();
  }

  /** Returns a text that is the same for equal requests only. */
  static String text(
      String method,
      String target,
      String protocol,
      Map<String, List<String>> fields,
      String body,
      Map<String, List<String>> trailers) {
    String head = method + " " + target + " " + protocol + "\n" + lines(fields);
    return head + "\n" + body + (trailers.isEmpty() ? "" : TRAILERS + lines(trailers));
  }

  private static String lines(Map<String, List<String>> fields) {
    Map<String, List<String>> sorted = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    sorted.putAll(fields);
    StringBuilder lines = new StringBuilder();
    sorted.forEach(
        (name, values) -> {
          for (String value : values) {
            lines.append(name.toLowerCase(Locale.ROOT)).append(": ").append(value).append('\n');
          }
        });
    return lines.toString();
  }

  /** Returns whether an answer is the echo of a request. */
  static boolean isEcho(String answer) {
    return answer.contains("\n\n");
  }

  /** Returns whether an answer is an echo with trailers. */
  static boolean hasTrailers(String answer) {
    return isEcho(answer) && answer.contains(TRAILERS);
  }

  /**
   * Returns the responses in the bytes that a server has sent: the echoes, the statuses of others,
   * and what is not a response.
   */
  static List<String> answers(String received) {
    List<String> answers = new ArrayList<>();
    Matcher head = ANSWER.matcher(received);
    int at = 0;
    while (at < received.length()) {
      if (!head.region(at, received.length()).lookingAt()) {
        answers.add("malformed response: " + received.substring(at));
        return answers;
      }
      Matcher echo = ECHO.matcher(head.group(2));
      answers.add(echo.find() ? latin(Base64.getDecoder().decode(echo.group(1))) : head.group(1));
      Matcher length = LENGTH.matcher(head.group(2));
      at = head.end() + (length.find() ? Integer.parseInt(length.group(1)) : 0);
    }
    return answers;
  }

  private static String latin(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }
}
