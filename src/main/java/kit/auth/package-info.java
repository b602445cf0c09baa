// SPDX-License-Identifier: Apache-2.0
/**
 * Who calls: {@link kit.auth.Jwt} signs and verifies tokens, {@link kit.auth.JwtAuthenticating} puts
 * that before a handler; {@link kit.auth.PasswordFile} knows users, {@link
 * kit.auth.BasicAuthenticating} asks them.
 *
 * <p>Parts: {@link kit.auth.Jwt}, {@link kit.auth.KeyFile}, {@link kit.auth.PasswordFile}.
 */
package kit.auth;
