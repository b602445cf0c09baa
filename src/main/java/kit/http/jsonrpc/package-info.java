// SPDX-License-Identifier: Apache-2.0
/**
 * JSON-RPC 2.0 over HTTP: {@link kit.http.jsonrpc.JsonRpc} serves endpoints as its methods,
 * {@link kit.http.jsonrpc.JsonRpcEndpoint} calls them.
 *
 * <p>In the map: on {@link kit.http}, as handler and as endpoint.
 */
package kit.http.jsonrpc;
