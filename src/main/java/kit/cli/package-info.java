// SPDX-License-Identifier: Apache-2.0
/**
 * Command lines of programs: {@link kit.cli.Flags}, the registry they name
 * ({@link kit.cli.RegistryFlags}), their log and their exit status.
 *
 * <p>Part: {@link kit.cli.Flags}.
 *
 * <p>In the map: on {@link kit.discovery} and all registries behind it, one of which it picks.
 * Programs only; no other package knows it.
 */
package kit.cli;
