// SPDX-License-Identifier: Apache-2.0
/**
 * DNS as a registry, to find others by: {@link kit.dns.DnsInstances}. Second best; it says why.
 *
 * <p>In the map: half of what {@link kit.discovery} asks for; nobody registers with DNS.
 */
package kit.dns;
