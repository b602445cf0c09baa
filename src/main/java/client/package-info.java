// SPDX-License-Identifier: Apache-2.0
/**
 * The other side of the wire as a program: calls the user service from the command line.
 *
 * <p>{@link client.Main} dispatches; each command is a small class named after it, such as
 * {@code Loop}, {@code Load}, {@code Gateway}, {@code DevAgentCommand}. {@code UserClient} is this
 * program's own view of the service's operations, {@code Options} what the commands have in
 * common.
 *
 * <p>In the map: at the top, on all of {@code kit}, and beside the package {@code userservice}, of
 * which it uses nothing.
 */
package client;
