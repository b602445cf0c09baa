// SPDX-License-Identifier: Apache-2.0
/**
 * Service discovery by DNS: {@link kit.dns.DnsInstances}.
 *
 * <p>Dependencies: {@link kit.discovery}, of which it implements the watch; DNS has no
 * registration.
 */
package kit.dns;
