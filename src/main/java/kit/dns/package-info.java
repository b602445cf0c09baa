// SPDX-License-Identifier: Apache-2.0
/** DNS as a registry, to find others by: {@link kit.dns.SrvInstances}. Second best; it says why. */
package kit.dns;
