// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.LogSafe;
import kit.discovery.OutageLog;

/**
 * Reads version and clock of a registry server by one GET. Any response shows that the server is reachable,
 * whatever its status.
 */
final class ServerProbe {
  private static final long TIMEOUT_MILLIS = 10_000;
  private static final int MAX_BODY_BYTES = 1 << 20;

  private ServerProbe() {}

  /**
   * Sends the request.
   *
   * @param version finds the version in the body, as its first group
   */
  static Inspection.Server get(
      HttpClient http, URI uri, Map<String, String> headers, Pattern version, Clock clock)
      throws InterruptedException {
    HttpRequest.Builder builder = HttpRequest.newBuilder(uri).version(HttpClient.Version.HTTP_1_1);
    headers.forEach(builder::header);
    Instant sent = clock.instant();
    var exchange = http.sendAsync(builder.build(), bounded());
    try {
      HttpResponse<byte[]> response = exchange.get(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
      Instant received = clock.instant();
      return new Inspection.Server(
          uri.getAuthority(),
          version(response, version),
          date(response).map(date -> difference(sent, received, date)),
          Optional.empty());
    } catch (TimeoutException e) {
      return Inspection.Server.failed(
          uri.getAuthority(), "no response within " + TIMEOUT_MILLIS + " ms");
    } catch (ExecutionException e) {
      return Inspection.Server.failed(uri.getAuthority(), why(e));
    } finally {
      exchange.cancel(true); // Closes the connection of an incomplete exchange.
    }
  }

  /** Returns zero if the date may be that of a response between the two; it has no fractions. */
  static Duration difference(Instant sent, Instant received, Instant date) {
    if (date.isAfter(received)) {
      return Duration.between(received, date);
    }
    Instant latest = date.plusSeconds(1);
    return latest.isBefore(sent) ? Duration.between(sent, latest) : Duration.ZERO;
  }

  private static String why(ExecutionException e) {
    return LogSafe.of(OutageLog.cause(e));
  }

  private static HttpResponse.BodyHandler<byte[]> bounded() {
    return head -> {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      Consumer<Optional<byte[]>> collect =
          chunk -> {
            body.writeBytes(chunk.orElse(new byte[0]));
            if (body.size() > MAX_BODY_BYTES) {
              throw new IllegalStateException("response > " + MAX_BODY_BYTES + " bytes");
            }
          };
      return BodySubscribers.mapping(
          BodySubscribers.ofByteArrayConsumer(collect), end -> body.toByteArray());
    };
  }

  private static Optional<String> version(HttpResponse<byte[]> response, Pattern pattern) {
    Matcher version = pattern.matcher(new String(response.body(), StandardCharsets.UTF_8));
    return response.statusCode() == 200 && version.find()
        ? Optional.of(LogSafe.of(version.group(1)))
        : Optional.empty();
  }

  /** A date that cannot be read is none. */
  private static Optional<Instant> date(HttpResponse<?> response) {
    try {
      return response
          .headers()
          .firstValue("Date")
          .map(date -> Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(date)));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  /** Returns an exception of a client, as one of rights if {@code isDenied}. */
  static IOException denied(IOException failure, boolean isDenied) {
    return isDenied ? new Inspection.DeniedException(failure) : failure;
  }
}
