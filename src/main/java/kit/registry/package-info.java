// SPDX-License-Identifier: Apache-2.0
/**
 * Service registries by URI: {@link kit.registry.Registry} and its flags, {@link
 * kit.registry.RegistryFlags}.
 *
 * <p>Dependencies: {@link kit.cli}, {@link kit.discovery}, {@link kit.tls} and the packages of all
 * registries. Used by the programs only.
 */
package kit.registry;
