// SPDX-License-Identifier: Apache-2.0
/**
 * The command {@code load}: a load test with a constant rate or a constant number of callers.
 *
 * <p>{@code LoadRun.Plan} is how much to call, {@code LoadRun} makes the calls, {@code LoadTally} counts
 * the results and prints them.
 *
 * <p>In the map: below {@code client}, on {@code client.options} and all of {@code kit}.
 */
package client.load;
