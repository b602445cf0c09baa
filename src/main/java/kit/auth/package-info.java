// SPDX-License-Identifier: Apache-2.0
/**
 * Authentication: {@link kit.auth.Jwt} signs and verifies tokens, {@link
 * kit.auth.JwtAuthenticating} requires one; {@link kit.auth.PasswordFile} verifies passwords,
 * {@link kit.auth.BasicAuthenticating} requires one.
 *
 * <p>Parts: {@link kit.auth.Jwt}, {@link kit.auth.KeyFile}, {@link kit.auth.PasswordFile}.
 *
 * <p>Dependencies: {@link kit.http}, for request headers. The middleware stands around a handler,
 * inside the rate limit.
 */
package kit.auth;
