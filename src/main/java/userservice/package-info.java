// SPDX-License-Identifier: Apache-2.0
/**
 * The user service of the tutorials as a program: returns and deletes the names of users.
 *
 * <p>Read in this order: {@link userservice.UserService}, the business logic, independent of HTTP,
 * and {@link userservice.InMemoryUserService}; {@link userservice.UserRoutes}, one endpoint and one
 * route for each operation; {@link userservice.Main}, all the wiring, top to bottom. Around the
 * business, each as a {@code UserService} itself: {@code LoggingUserService}, {@code
 * InstrumentingUserService}, {@code ProxyingUserService}.
 *
 * <p>Dependencies: all of {@code kit}. It shares no code with the package {@code client}: the wire
 * protocol is their contract.
 */
package userservice;
