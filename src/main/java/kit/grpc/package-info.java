// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC without generated code: {@link kit.grpc.GrpcService} serves endpoints as methods; a {@link
 * kit.grpc.GrpcCodec} encodes their messages.
 *
 * <p>Parts: {@link kit.grpc.ProtobufWriter}, {@link kit.grpc.ProtobufReader}.
 *
 * <p>Dependencies: {@link kit.http2} and {@link kit.http}.
 */
package kit.grpc;
