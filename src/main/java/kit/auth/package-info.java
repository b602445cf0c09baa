// SPDX-License-Identifier: Apache-2.0
/**
 * Who calls: {@link kit.auth.Jwt} signs and verifies tokens, {@link kit.auth.JwtAuthenticating}
 * puts that before a handler; {@link kit.auth.PasswordFile} knows users,
 * {@link kit.auth.BasicAuthenticating} asks them.
 *
 * <p>Parts: {@link kit.auth.Jwt}, {@link kit.auth.KeyFile}, {@link kit.auth.PasswordFile}.
 *
 * <p>In the map: on {@link kit.http}, because what it reads is a header. It goes around a handler,
 * inside the limit.
 */
package kit.auth;
