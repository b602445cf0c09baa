// SPDX-License-Identifier: Apache-2.0
/**
 * The command-line client: calls the user service, generates load, serves a gateway, reads a
 * registry.
 *
 * <p>{@link client.Main} dispatches. The commands stand in one package per concern, each a small
 * class named after what it does:
 *
 * <pre>
 *   client.options   common flags of commands, and the calls that they configure
 *   client.user      loop, get, delete
 *   client.load      load
 *   client.gateway   gateway
 *   client.doctor    doctor
 *   client.registry  instances, services, watch, targets, dev-agent
 *   client.auth      token, hash-password
 * </pre>
 *
 * <p>A command uses {@code client.options} and no other package of the client.
 *
 * <p>Dependencies: all of {@code kit}; nothing of the package {@code userservice}.
 */
package client;
