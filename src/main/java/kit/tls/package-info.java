// SPDX-License-Identifier: Apache-2.0
/**
 * TLS from PEM files: {@link kit.tls.PemFile} reads certificates and keys, {@link
 * kit.tls.ReloadingTls} takes over renewed ones while it is in use.
 *
 * <p>Dependencies: none but the JDK. The package is a part, to be copied as a folder.
 */
package kit.tls;
