// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

/**
 * The end of a call with a status other than OK.
 *
 * <p>On a server, an endpoint may throw it to respond with a status that no {@link
 * kit.StatusException} stands for, or with details. On a client, it is the cause of the {@link
 * kit.PeerException} for a response with such a status.
 *
 * <p>Like a {@link kit.StatusException}, it has no stack trace. Immutable.
 */
public final class GrpcException extends RuntimeException {
  private static final byte[] NONE = new byte[0];

  private final GrpcStatus status;
  private final byte[] details;

  /** Creates it with a text for the client. */
  public GrpcException(GrpcStatus status, String message) {
    this(status, message, NONE);
  }

  /**
   * Creates it with a text and details for the client.
   *
   * @param details a {@code google.rpc.Status}, the value of {@code grpc-status-details-bin}, which is
   *     passed on as it is; empty for none
   * @throws IllegalArgumentException if the status is OK
   */
  public GrpcException(GrpcStatus status, String message, byte[] details) {
    super(requireNonNull(message, "message"), null, false, false);
    if (status == GrpcStatus.OK) {
      throw new IllegalArgumentException("OK is no failure");
    }
    this.status = requireNonNull(status, "status");
    this.details = details.clone();
  }

  /** Returns the status, never OK. */
  public GrpcStatus status() {
    return status;
  }

  /** Returns the bytes of {@code grpc-status-details-bin}; empty without details. */
  public byte[] details() {
    return details.clone();
  }

  @Override
  public String toString() {
    return status + ": " + getMessage();
  }
}
