// SPDX-License-Identifier: Apache-2.0
/**
 * Thrift without generated code, in the strict binary protocol over framed transport: {@link
 * kit.thrift.ThriftServer} serves endpoints as methods, {@link kit.thrift.ThriftEndpoint} calls them; a
 * {@link kit.thrift.ThriftMethod} is what both know of one.
 *
 * <p>Dependencies: {@code kit.engine}, which accepts the connections.
 */
package kit.thrift;
