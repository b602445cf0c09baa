// SPDX-License-Identifier: Apache-2.0
/**
 * JSON-RPC 2.0 over HTTP: {@link kit.http.jsonrpc.JsonRpc} serves endpoints as its methods,
 * {@link kit.http.jsonrpc.JsonRpcEndpoint} calls them.
 *
 * <p>Dependencies: {@link kit.http} and {@link kit.http.client}.
 */
package kit.http.jsonrpc;
