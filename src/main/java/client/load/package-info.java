// SPDX-License-Identifier: Apache-2.0
/**
 * The command {@code load}: a load test with a constant rate or a constant number of callers.
 *
 * <p>{@code LoadRun.Plan} describes the load, {@code LoadRun} generates it, {@code LoadTally}
 * counts and prints the results.
 *
 * <p>Dependencies: {@code client.options} and all of {@code kit}.
 */
package client.load;
