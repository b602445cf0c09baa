// SPDX-License-Identifier: Apache-2.0
/**
 * Command-line programs: {@link kit.cli.Flags}, groups of flags, logging and exit status.
 *
 * <p>Part: {@link kit.cli.Flags}.
 *
 * <p>Dependencies: the packages that its groups of flags configure, such as {@link kit.auth} and
 * {@link kit.tracing}. Used by the programs and {@code kit.registry}.
 */
package kit.cli;
