// SPDX-License-Identifier: Apache-2.0
/**
 * Service registries behind one URI: {@link kit.registry.Registry} and the flags that name one,
 * {@link kit.registry.RegistryFlags}.
 *
 * <p>In the map: on {@link kit.cli}, {@link kit.discovery} and the packages of all registries. Used by
 * the programs only.
 */
package kit.registry;
