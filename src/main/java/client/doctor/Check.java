// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import java.util.List;

/** One check of an examination. */
@FunctionalInterface
interface Check {
  /** Returns what it found, and adds to the examination what later checks need. */
  List<Finding> run(Examination examination) throws InterruptedException;
}
