// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

/**
 * Status codes of gRPC, with the HTTP statuses that stand for them in this toolkit.
 *
 * <p>A server sends the code for the status of a {@link kit.StatusException}, or for the status that a
 * {@link kit.PeerException} has over HTTP (502 to 504). On the client, a {@link kit.PeerException} of
 * kind STATUS has the HTTP status of the code, so that breakers and retries need no rules for gRPC.
 *
 * <pre>
 *   code  name                  from HTTP status           to HTTP status
 *    0    OK                                               200
 *    1    CANCELLED             499                        499
 *    2    UNKNOWN                                          500
 *    3    INVALID_ARGUMENT      400 and any other 4xx      400
 *    4    DEADLINE_EXCEEDED     408, 504                   504
 *    5    NOT_FOUND             404, 410                   404
 *    6    ALREADY_EXISTS                                   409
 *    7    PERMISSION_DENIED     403                        403
 *    8    RESOURCE_EXHAUSTED    413, 429                   429
 *    9    FAILED_PRECONDITION   412                        412
 *   10    ABORTED               409                        409
 *   11    OUT_OF_RANGE          416                        416
 *   12    UNIMPLEMENTED         405, 501                   501
 *   13    INTERNAL              500 and any other 5xx      500
 *   14    UNAVAILABLE           502, 503                   503
 *   15    DATA_LOSS                                        500
 *   16    UNAUTHENTICATED       401                        401
 * </pre>
 *
 * <p>Source: grpc/doc/statuscodes.md and, for most of the HTTP statuses, google/rpc/code.proto.
 */
public enum GrpcStatus {
  /** Success. */
  OK(200),
  /** The client cancelled the call. */
  CANCELLED(499),
  /** A failure without a known reason. */
  UNKNOWN(500),
  /** The request is invalid, whatever the state of the system. */
  INVALID_ARGUMENT(400),
  /** The deadline passed before the call ended. */
  DEADLINE_EXCEEDED(504),
  /** Something that the request names does not exist. */
  NOT_FOUND(404),
  /** Something that the request would create exists. */
  ALREADY_EXISTS(409),
  /** The caller is known and may not do this. */
  PERMISSION_DENIED(403),
  /** A limit is reached: a rate, a quota, the size of a message. */
  RESOURCE_EXHAUSTED(429),
  /** The state of the system does not permit it. */
  FAILED_PRECONDITION(412),
  /** A conflict with another call. */
  ABORTED(409),
  /** The request is out of a range that may change. */
  OUT_OF_RANGE(416),
  /** The server has no such method. */
  UNIMPLEMENTED(501),
  /** A fault of the server. */
  INTERNAL(500),
  /** The server cannot serve now; another attempt may succeed. */
  UNAVAILABLE(503),
  /** Data is lost. */
  DATA_LOSS(500),
  /** The caller has no valid credentials. */
  UNAUTHENTICATED(401);

  private static final GrpcStatus[] ALL = values();

  private final int httpStatus;

  GrpcStatus(int httpStatus) {
    this.httpStatus = httpStatus;
  }

  /** Returns the number in the field {@code grpc-status}, 0 to 16. */
  public int number() {
    return ordinal();
  }

  /** Returns the HTTP status that stands for it; see the table. */
  public int httpStatus() {
    return httpStatus;
  }

  /** Returns the status of a number; UNKNOWN for one outside 0 to 16, as the standard demands. */
  public static GrpcStatus of(int number) {
    return number >= 0 && number < ALL.length ? ALL[number] : UNKNOWN;
  }

  /**
   * Returns the status for an HTTP status of 400 to 599; see the table.
   *
   * @throws IllegalArgumentException if it is none of an error
   */
  public static GrpcStatus ofHttp(int status) {
    if (status < 400 || status > 599) {
      throw new IllegalArgumentException("status not in 400..599: " + status);
    }
    return switch (status) {
      case 401 -> UNAUTHENTICATED;
      case 403 -> PERMISSION_DENIED;
      case 404, 410 -> NOT_FOUND;
      case 405, 501 -> UNIMPLEMENTED;
      case 408, 504 -> DEADLINE_EXCEEDED;
      case 409 -> ABORTED;
      case 412 -> FAILED_PRECONDITION;
      case 413, 429 -> RESOURCE_EXHAUSTED;
      case 416 -> OUT_OF_RANGE;
      case 499 -> CANCELLED;
      case 502, 503 -> UNAVAILABLE;
      default -> status < 500 ? INVALID_ARGUMENT : INTERNAL;
    };
  }
}
