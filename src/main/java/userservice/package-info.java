// SPDX-License-Identifier: Apache-2.0
/**
 * The service of the tutorials as a program: knows the names of users, and one of them well.
 *
 * <p>Read in this order: {@link userservice.UserService}, the business, which knows no HTTP, and
 * {@link userservice.InMemoryUserService}; {@link userservice.UserRoutes}, one endpoint and one
 * route for each operation; {@link userservice.Main}, all the wiring, top to bottom. Around the
 * business, each as a {@code UserService} itself: {@code LoggingUserService},
 * {@code InstrumentingUserService}, {@code ProxyingUserService}.
 *
 * <p>In the map: at the top, on all of {@code kit}. The package {@code client} does not know it,
 * nor it that: the wire is their contract.
 */
package userservice;
