// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.net.URI;
import java.net.http.HttpClient.Version;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLSession;

/** A response of which the head came first, and then the body. */
record WholeResponse(
    HttpRequest request,
    int statusCode,
    HttpHeaders headers,
    Optional<SSLSession> sslSession,
    byte[] body)
    implements HttpResponse<byte[]> {

  static WholeResponse of(HttpResponse<?> head, byte[] body) {
    return new WholeResponse(
        head.request(), head.statusCode(), head.headers(), head.sslSession(), body);
  }

  /** Returns a 204 whose header fields are not known; see {@link ResponseFraming#isNoContent}. */
  static WholeResponse noContent(HttpRequest request) {
    HttpHeaders none = HttpHeaders.of(Map.of(), (name, value) -> true);
    return new WholeResponse(request, 204, none, Optional.empty(), new byte[0]);
  }

  @Override
  public Optional<HttpResponse<byte[]>> previousResponse() {
    return Optional.empty(); // Redirects are not followed.
  }

  @Override
  public URI uri() {
    return request.uri();
  }

  @Override
  public Version version() {
    return Version.HTTP_1_1;
  }
}
