// SPDX-License-Identifier: Apache-2.0
/**
 * Command lines of programs: {@link kit.cli.Flags}, groups of flags, the log and the exit status.
 *
 * <p>Part: {@link kit.cli.Flags}.
 *
 * <p>In the map: on the packages that its groups of flags set up, such as {@link kit.auth} and
 * {@link kit.tracing}. Used by the programs and {@code kit.registry}.
 */
package kit.cli;
