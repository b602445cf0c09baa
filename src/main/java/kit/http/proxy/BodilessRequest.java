// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import java.net.URI;
import java.net.http.HttpClient.Version;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.Optional;

/**
 * HTTP request of any method without a body and without {@code Content-Length: 0}.
 *
 * <p>The JDK's builder supports this for GET and DELETE only. RFC 9110, section 8.6, forbids a
 * length where the method expects no body. JDK 17 sends one nevertheless.
 */
final class BodilessRequest extends HttpRequest {
  private final HttpRequest request;

  BodilessRequest(HttpRequest request) {
    this.request = request;
  }

  @Override
  public Optional<BodyPublisher> bodyPublisher() {
    return Optional.empty();
  }

  @Override
  public String method() {
    return request.method();
  }

  @Override
  public Optional<Duration> timeout() {
    return request.timeout();
  }

  @Override
  public boolean expectContinue() {
    return request.expectContinue();
  }

  @Override
  public URI uri() {
    return request.uri();
  }

  @Override
  public Optional<Version> version() {
    return request.version();
  }

  @Override
  public HttpHeaders headers() {
    return request.headers();
  }
}
