// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC without generated code: {@link kit.grpc.GrpcService} serves endpoints as methods, {@link
 * kit.grpc.GrpcEndpoint} calls them; a {@link kit.grpc.GrpcCodec} encodes their messages.
 *
 * <p>Parts: {@link kit.grpc.ProtobufWriter}, {@link kit.grpc.ProtobufReader}.
 *
 * <p>Dependencies: {@link kit.http2}, {@link kit.http} and {@link kit.http.client}, whose functions for
 * traces and tokens add metadata, too.
 */
package kit.grpc;
