// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP/2, RFC 9113: header compression (HPACK, RFC 7541), frames, streams and connections. {@link
 * kit.http2.Http2Protocol} is for servers of {@code kit.engine}, {@link kit.http2.Http2Client} for
 * clients.
 *
 * <p>Strict: input that violates the protocol is an {@link kit.http2.Http2Exception} with the error
 * code and the scope of the RFC. All input of a peer is bounded before it is stored.
 *
 * <p>Dependencies: {@code kit.engine}. The two folders can be copied.
 */
package kit.http2;
