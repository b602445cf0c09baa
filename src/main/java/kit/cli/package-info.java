// SPDX-License-Identifier: Apache-2.0
/**
 * Command lines of programs: {@link kit.cli.Flags}, the registry they name ({@link
 * kit.cli.RegistryFlags}), their log and their exit status.
 *
 * <p>Part: {@link kit.cli.Flags}.
 */
package kit.cli;
