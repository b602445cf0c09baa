// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import kit.Context;
import kit.Endpoint;

/**
 * Serves an endpoint over HTTP: decodes the request, calls the endpoint, encodes the response.
 *
 * <pre>{@code
 * new EndpointHandler<>(
 *     (context, request) -> new GetUser(uid(request)), // decode
 *     getName, // the endpoint
 *     Encoders.json()); // encode
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   before -> decode -> endpoint -> after -> encode          -> sent -> finalizers
 *      \________|__________|__________|________|
 *                          | throws
 *                     error encoder                          -> sent -> finalizers
 * </pre>
 *
 * <ul>
 *   <li><b>before</b>: adds values of the request to the context, in the order given.
 *   <li><b>decode</b>: creates the endpoint's request, or throws a {@link kit.StatusException},
 *       such as 400. Before that, a client that does not accept the encoder's media type is
 *       rejected with 406.
 *   <li><b>after</b>: returns response headers to add; called only after success.
 *   <li><b>encode</b>: creates the whole body before anything is sent, so its failure is still a
 *       500.
 *   <li><b>error encoder</b>: converts exceptions of these functions into a response. Without one,
 *       exceptions are thrown, and {@code HttpService} responds with a {@link Problem}.
 *   <li><b>finalizers</b>: always called, last, after the response was sent.
 * </ul>
 *
 * <p>Immutable: {@code before}, {@code after}, {@code onError} and {@code onCompleted} return a
 * handler with one more function. Thread-safe if its functions are.
 *
 * <p>Equivalent in Go kit: {@code transport/http.Server}.
 */
public final class EndpointHandler<Q, R> implements Endpoint<Request, Response> {
  /** Decodes an HTTP request into the endpoint's request; {@link Decoders} has common ones. */
  @FunctionalInterface
  public interface Decoder<Q> {
    /**
     * Returns the endpoint's request, or throws a {@link kit.StatusException} if it is malformed.
     */
    Q decode(Context context, Request request) throws Exception;
  }

  /** Encodes the endpoint's response as an HTTP response; {@link Encoders} has common ones. */
  @FunctionalInterface
  public interface Encoder<R> {
    /** Returns the complete HTTP response. */
    Response encode(Context context, R response) throws Exception;

    /**
     * Returns the media type of all responses, such as {@code text/csv}, to compare with {@code
     * Accept}; null if unknown.
     */
    default String mediaType() {
      return null;
    }
  }

  /** Adds values of a request to the context, before decoding. */
  @FunctionalInterface
  public interface Before {
    /** Returns the context for the next functions and the endpoint. */
    Context before(Context context, Request request) throws Exception;
  }

  /** Adds headers to the HTTP response, before encoding. */
  @FunctionalInterface
  public interface After<R> {
    /** Returns headers of the HTTP response, which override those of the encoder. */
    Map<String, String> after(Context context, R response) throws Exception;
  }

  /** Encodes an exception as an HTTP response. */
  @FunctionalInterface
  public interface ErrorEncoder {
    /**
     * Returns the complete HTTP response; may throw {@code error} to leave it to the outer layer.
     */
    Response encode(Context context, Exception error) throws Exception;
  }

  private final List<Before> before;
  private final Decoder<Q> decoder;
  private final Endpoint<Q, R> endpoint;
  private final List<After<R>> after;
  private final Encoder<R> encoder;
  private final String mediaType;
  private final ErrorEncoder errorEncoder;
  private final List<Consumer<RequestSummary>> finalizers;

  /** Creates a handler of {@code endpoint} that only decodes and encodes. */
  public EndpointHandler(Decoder<Q> decoder, Endpoint<Q, R> endpoint, Encoder<R> encoder) {
    this(
        List.of(),
        requireNonNull(decoder, "decoder"),
        requireNonNull(endpoint, "endpoint"),
        List.of(),
        requireNonNull(encoder, "encoder"),
        null,
        List.of());
  }

  private EndpointHandler(
      List<Before> before,
      Decoder<Q> decoder,
      Endpoint<Q, R> endpoint,
      List<After<R>> after,
      Encoder<R> encoder,
      ErrorEncoder errorEncoder,
      List<Consumer<RequestSummary>> finalizers) {
    this.before = before;
    this.decoder = decoder;
    this.endpoint = endpoint;
    this.after = after;
    this.encoder = encoder;
    this.mediaType = encoder.mediaType();
    this.errorEncoder = errorEncoder;
    this.finalizers = finalizers;
  }

  /** Returns this handler with one more function before decoding. */
  public EndpointHandler<Q, R> before(Before more) {
    return new EndpointHandler<>(
        plus(before, more), decoder, endpoint, after, encoder, errorEncoder, finalizers);
  }

  /** Returns this handler with one more function after the endpoint. */
  public EndpointHandler<Q, R> after(After<R> more) {
    return new EndpointHandler<>(
        before, decoder, endpoint, plus(after, more), encoder, errorEncoder, finalizers);
  }

  /** Returns this handler with another error encoder. */
  public EndpointHandler<Q, R> onError(ErrorEncoder errorEncoder) {
    requireNonNull(errorEncoder, "errorEncoder");
    return new EndpointHandler<>(
        before, decoder, endpoint, after, encoder, errorEncoder, finalizers);
  }

  /** Returns this handler with one more function to call after the response was sent. */
  public EndpointHandler<Q, R> onCompleted(Consumer<RequestSummary> more) {
    return new EndpointHandler<>(
        before, decoder, endpoint, after, encoder, errorEncoder, plus(finalizers, more));
  }

  private static <T> List<T> plus(List<T> list, T more) {
    List<T> longer = new ArrayList<>(list);
    longer.add(requireNonNull(more, "more"));
    return List.copyOf(longer);
  }

  @Override
  public Response call(Context context, Request request) throws Exception {
    finalizers.forEach(request::onCompleted);
    if (errorEncoder == null) {
      return respond(context, request);
    }
    try {
      return respond(context, request);
    } catch (InterruptedException e) {
      throw e; // Cancelled: no client waits for a response.
    } catch (Exception e) {
      Response response = errorEncoder.encode(context, e);
      return response == null ? null : response.withError(e); // The server reports null.
    }
  }

  private Response respond(Context context, Request request) throws Exception {
    Context enriched = context;
    for (Before function : before) {
      enriched = function.before(enriched, request);
    }
    if (mediaType != null) {
      MediaTypes.checkAccepted(request, mediaType);
    }
    Q decoded = decoder.decode(enriched, request);
    R result = endpoint.call(enriched, decoded);
    if (after.isEmpty()) {
      return encoder.encode(enriched, result);
    }
    List<Map<String, String>> headers = new ArrayList<>(after.size());
    for (After<R> function : after) {
      headers.add(function.after(enriched, result));
    }
    Response response = encoder.encode(enriched, result);
    for (Map<String, String> more : headers) {
      response = response.with(more);
    }
    return response;
  }
}
