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
 * Puts an endpoint on the wire: the server side of an HTTP call.
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
 *   <li><b>before</b>: adds to the context what the request says, in the order given.
 *   <li><b>decode</b>: makes the endpoint's request; throws a {@link kit.StatusException} with 400
 *       or so if it cannot. Before that, a client that does not accept what the encoder makes is
 *       refused with 406.
 *   <li><b>after</b>: response headers to add; runs only when the endpoint has succeeded.
 *   <li><b>encode</b>: makes the whole body, before anything is sent; its failure is a 500 still.
 *   <li><b>error encoder</b>: makes an answer of any of their exceptions. Without one they pass
 *       through, and {@code HttpService} answers with a {@link Problem}.
 *   <li><b>finalizers</b>: run always, last, when the bytes are out.
 * </ul>
 *
 * <p>Immutable: {@code before}, {@code after}, {@code onError} and {@code onCompleted} return a
 * handler that does one thing more. Thread-safe if its functions are.
 *
 * <p>Go kit's word: {@code transport/http.Server}.
 */
public final class EndpointHandler<Q, R> implements Endpoint<Request, Response> {
  /** Makes the endpoint's request of an HTTP request; the usual ones are in {@link Decoders}. */
  @FunctionalInterface
  public interface Decoder<Q> {
    /** Throws a {@link kit.StatusException} if the request makes no sense. */
    Q decode(Context context, Request request) throws Exception;
  }

  /** Makes an HTTP answer of the endpoint's response; the usual ones are in {@link Encoders}. */
  @FunctionalInterface
  public interface Encoder<R> {
    /** Returns the complete answer. */
    Response encode(Context context, R response) throws Exception;

    /**
     * Returns the media type of all answers, such as {@code text/csv}, for a look at what the client
     * accepts; null if there is none to look for.
     */
    default String mediaType() {
      return null;
    }
  }

  /** Looks at the request before it is decoded. */
  @FunctionalInterface
  public interface Before {
    /** Returns the context for all that follows. */
    Context before(Context context, Request request) throws Exception;
  }

  /** Looks at the endpoint's response before it is encoded. */
  @FunctionalInterface
  public interface After<R> {
    /** Returns headers for the answer; they win over those of the encoder. */
    Map<String, String> after(Context context, R response) throws Exception;
  }

  /** Makes an HTTP answer of an exception. */
  @FunctionalInterface
  public interface ErrorEncoder {
    /** Returns the complete answer; may throw {@code error} to leave it to the next layer out. */
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

  /** Serves {@code endpoint} with nothing more than decoding and encoding. */
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

  /** Returns this handler with {@code errorEncoder} in place of the one it had. */
  public EndpointHandler<Q, R> onError(ErrorEncoder errorEncoder) {
    requireNonNull(errorEncoder, "errorEncoder");
    return new EndpointHandler<>(
        before, decoder, endpoint, after, encoder, errorEncoder, finalizers);
  }

  /** Returns this handler with one more function to call when an answer has been sent. */
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
      return answer(context, request);
    }
    try {
      return answer(context, request);
    } catch (InterruptedException e) {
      throw e; // Cancelled: nobody waits for an answer.
    } catch (Exception e) {
      Response response = errorEncoder.encode(context, e);
      return response == null ? null : response.withError(e); // Null is for the server to report.
    }
  }

  private Response answer(Context context, Request request) throws Exception {
    Context enriched = context;
    for (Before function : before) {
      enriched = function.before(enriched, request);
    }
    if (mediaType != null) {
      MediaTypes.checkAccepted(request, mediaType);
    }
    Q question = decoder.decode(enriched, request);
    R answer = endpoint.call(enriched, question);
    if (after.isEmpty()) {
      return encoder.encode(enriched, answer);
    }
    List<Map<String, String>> headers = new ArrayList<>(after.size());
    for (After<R> function : after) {
      headers.add(function.after(enriched, answer));
    }
    Response response = encoder.encode(enriched, answer);
    for (Map<String, String> more : headers) {
      response = response.with(more);
    }
    return response;
  }
}
