// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC without generated code: messages of Protocol Buffers, written and read by hand.
 *
 * <p>Parts: {@link kit.grpc.ProtobufWriter}, {@link kit.grpc.ProtobufReader}.
 *
 * <p>Dependencies: {@link kit.http2}.
 */
package kit.grpc;
