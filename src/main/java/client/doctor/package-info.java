// SPDX-License-Identifier: Apache-2.0
/**
 * The command {@code doctor}: examines why a service gets no calls.
 *
 * <p>A {@code Check} returns its {@code Finding}s about an {@code Examination}; {@code Doctor} runs all
 * checks in order and prints what they found. Nothing is written to the registry.
 *
 * <p>Dependencies: {@code client.options} and all of {@code kit}.
 */
package client.doctor;
